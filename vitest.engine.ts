/** Picks the engine of every test before it runs, and of every command that a test runs: TWEEDIE_BACKEND, or wasm. */
const { selectEngine } = await import('@tweedie/backend');
process.env['TWEEDIE_BACKEND'] ||= 'wasm';
await selectEngine({ engine: process.env['TWEEDIE_BACKEND'] });
export {};
