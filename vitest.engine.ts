/** Picks the engine of every test before it runs: TWEEDIE_BACKEND, or wasm. */
const { selectEngine } = await import('@tweedie/backend');
await selectEngine({ engine: process.env['TWEEDIE_BACKEND'] ?? 'wasm' });
export {};
