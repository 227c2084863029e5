/**
 * Tweedie's Fréchet distance as a rival: `node dist/frechet-contestant.js ENGINE A.npz B.npz`.
 *
 * Reads a task a line, `{"task":"distance"}`, and answers with a line: `check` → the distance of A from B, and of A from itself; `distance` →
 * what the first takes; `images` → what 10 000 images take from their pixels to their distance, its interval included, where the statistics
 * of the real ones are known.
 */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { tensor } from '@tensorflow/tfjs-core';
import { judge, type JudgedBatch } from '@tweedie/core';
import { frechet, frechetDistance, MNISTNET, readReferenceStatistics, referenceStatistics } from '@tweedie/metrics';
import { loadMnistnet } from '@tweedie/metrics/node';
import { selected } from './engines.ts';
import { dataset } from './problem.ts';

const [engine = 'wasm', ...files] = process.argv.slice(2);
const IMAGES = 10_000;
const BATCH = 128;

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Images without content, and how they are judged. */
const openJudging = async (): Promise<() => Promise<unknown>> => {
  const extractor = await loadMnistnet();
  const against = await referenceStatistics({ ...dataset, id: 'real' }, extractor);
  const size = MNISTNET.shape.reduce<number>((product, extent) => product * extent, 1);
  const all = Float32Array.from({ length: IMAGES * size }, (_, i) => Math.sin(0.7 * i));
  async function* batches(): AsyncGenerator<JudgedBatch, void, void> {
    for (let first = 0; first < IMAGES; first += BATCH) {
      const count = Math.min(BATCH, IMAGES - first);
      const images = tensor(all.subarray(first * size, (first + count) * size), [count, ...MNISTNET.shape]);
      yield { images, first };
      images.dispose();
    }
  }
  return () => judge([frechet({ against })], { extractor, seed: 0n }, batches());
};

const about = await selected(engine);
const [a, b] = await Promise.all(files.map(async (file) => readReferenceStatistics(await readFile(file), file)));
let judging: (() => Promise<unknown>) | undefined;
say({ ready: about });
for await (const line of createInterface({ input: process.stdin })) {
  const { task } = JSON.parse(line) as { readonly task: string };
  if (task === 'check') {
    say({ values: [frechetDistance(a!, b!), frechetDistance(a!, a!)] });
    continue;
  }
  judging ??= task === 'images' ? await openJudging() : undefined;
  const started = performance.now();
  const used = process.cpuUsage();
  if (task === 'images') await judging!();
  else frechetDistance(a!, b!);
  const { user, system } = process.cpuUsage(used);
  say({ milliseconds: performance.now() - started, processor: (user + system) / 1000 });
}
process.exit(0); // engines may keep threads
