// Runs the command and says which parts of an engine it loaded.
import { createRequire } from 'node:module';

await import('../main.ts');
const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('tfjs'));
process.stdout.write(`loaded: ${JSON.stringify(loaded)}\n`);
