/** A vitest setup file: picks the engine named by TWEEDIE_BACKEND, or wasm, before the first test. */
const { selectEngine } = await import('@tweedie/backend');
await selectEngine({ engine: process.env['TWEEDIE_BACKEND'] ?? 'wasm' });
export {};
