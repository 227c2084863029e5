import { selectEngine } from '@tweedie/backend';
import { trainRun } from '../run/train-run.ts';
import { SMALL } from './small.fixture.ts';

// Trains the small run of the tests in a process of its own, which may be killed; says how far it is, and takes its time.
const folder = process.argv[2]!;
await selectEngine({ engine: process.env['TWEEDIE_BACKEND'] ?? 'wasm' });
await trainRun({
  config: SMALL,
  folder,
  cwd: folder,
  onEvent: (event) => {
    if (event.kind !== 'step') return;
    process.stdout.write(`${event.step}\n`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25); // time enough to be killed in
  },
});
