import { add, engine, memory, reshape, tensor, tidy } from '@tensorflow/tfjs-core';
import { dsm, fdSsm, ism } from '@tweedie/objective-classic';
import { lcss } from '@tweedie/objective-lcss';
import { stf } from '@tweedie/objective-stf';
import { expect, it } from 'vitest';
import { batchSizeOf, casesOf, measureCase, shapeOf } from './objectives.ts';
import { peakBytes } from './peak-bytes.ts';
import { ratioChart } from './ratio-chart.ts';

/** Whether a reshaped tensor has the buffer of the one that it was made of. */
const sharesViews = (): boolean =>
  tidy(() => {
    const x = tensor([1, 2]);
    return reshape(x, [2, 1]).dataId === x.dataId;
  });

it('counts every buffer once, while it is there, and leaves the engine as it was', async () => {
  const before = memory().numTensors;
  const old = tensor(new Float32Array(1000));
  const sharing = sharesViews();
  const peak = await peakBytes(async () => {
    tidy(() => {
      const x = tensor(new Float32Array(400));
      const views = [x, reshape(x, [20, 20]), reshape(x, [10, 40])];
      views.forEach((view) => add(view, view).dispose()); // 400 + 400 numbers
    });
    for (let i = 0; i < 5; i++) add(old, 1).dispose(); // 1000 numbers, five times
    await Promise.resolve();
  });
  // 1000 numbers; or, of an engine whose views are buffers to us, four times 400. And the number 1.
  const expected = sharing ? 4000 : 6400;
  expect(peak).toBeGreaterThanOrEqual(expected);
  expect(peak).toBeLessThan(expected + 200);
  expect(Object.keys(engine().state.tensorInfo)).toEqual([]);
  old.dispose();
  expect(memory().numTensors).toBe(before);
});

it.runIf(engine().backendName === 'wasm')('says it where the engine has no room', async () => {
  const { wasm } = engine().backend as unknown as { readonly wasm: { _malloc: (bytes: number) => number } };
  const allocate = wasm._malloc;
  wasm._malloc = () => 0;
  try {
    await expect(peakBytes(async () => void tensor(new Float32Array(2 ** 20)))).rejects.toThrow(
      /out of memory: got no 4 MiB more, with 0 MiB of tensors/,
    );
  } finally {
    wasm._malloc = allocate;
  }
});

it('makes cases of points and of images, and refuses what is neither', () => {
  expect([2, 64, 784, 3072, 144, 65, 0, 2.5, 100].map(shapeOf)).toEqual([
    [2],
    [64],
    [28, 28, 1],
    [32, 32, 3],
    [12, 12, 1],
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect([[2], [28, 28, 1], [32, 32, 3]].map(batchSizeOf)).toEqual([128, 64, 64]);
  expect(casesOf({ dims: [2], memorySide: 8, batchSize: 5 })).toEqual([
    { shape: [2], batchSize: 5, timed: true },
    { shape: [8, 8, 3], batchSize: 1, timed: false },
  ]);
  expect(() => casesOf({ dims: [2, 65], memorySide: 0, batchSize: undefined })).toThrow(
    /\[--dims\].*got 65, expected up to 64.*take 2, 784/,
  );
});

it('measures steps of points: two evaluations keep more than one, and nothing stays behind', async () => {
  const entrants = Object.entries({ dsm: dsm(), lcss: lcss(), stf: stf({ reference: 128 }), 'fd-ssm': fdSsm(), ism: ism() }).map(
    ([name, objective]) => ({ name, objective }),
  );
  await measureCase({ of: { shape: [2], batchSize: 128, timed: false }, entrants, rounds: 1, warmup: 0, seed: 1 });
  const before = memory().numTensors;
  const notes: string[] = [];
  const result = await measureCase({
    of: { shape: [2], batchSize: 128, timed: true },
    entrants,
    rounds: 2,
    warmup: 1,
    seed: 1,
    onProgress: (done, note) => notes.push(`${done} ${note}`),
  });
  expect(memory().numTensors).toBe(before);
  expect(result).toMatchObject({ dimensions: 2, network: 'mlp', classes: 0, batchSize: 128, rounds: 2 });
  expect(result.rows.map(({ name, status, limit, verdict }) => [name, status, limit, verdict])).toEqual(
    entrants.map(({ name }) => [name, 'measured', null, null]),
  );
  expect(result.rows[0]).toMatchObject({ name: 'dsm', time: { median: 1, interval: null }, memory: 1 });
  const ratios = new Map(result.rows.map(({ name, memory: ratio }) => [name, ratio!]));
  expect(ratios.get('lcss')).toBeCloseTo(1, 2);
  expect(ratios.get('fd-ssm')).toBeGreaterThan(1.2);
  expect(ratios.get('ism')).toBeGreaterThan(ratios.get('fd-ssm')!);
  expect(notes.at(0)).toBe('0 2: memory of dsm');
  expect(notes.at(-1)).toBe('3 2');
});

it('measures images beside a limit, and says who refuses, and why', async () => {
  const broken = { ...dsm(), loss: (): never => { throw new WebAssembly.RuntimeError('memory access out of bounds'); } }; // prettier-ignore
  const entrants = Object.entries({ dsm: dsm(), lcss: lcss(), ism: ism(), broken }).map(([name, objective]) => ({ name, objective }));
  const before = memory().numTensors;
  const { rows, ...result } = await measureCase({
    of: { shape: [12, 12, 1], batchSize: 2, timed: true },
    entrants,
    rounds: 1,
    warmup: 0,
    seed: 1,
  });
  expect(memory().numTensors).toBe(before);
  expect(result).toMatchObject({ dimensions: 144, network: 'digits', classes: 10, rounds: 1 });
  expect(rows[1]).toMatchObject({ status: 'measured', limit: 1.03, verdict: 'not decided' });
  expect(rows[2]).toMatchObject({
    status: 'refused',
    reason: expect.stringMatching(/^the exact trace would take 144 forward and backward passes a step/),
    milliseconds: null,
    time: null,
    peakBytes: null,
  });
  expect(rows[3]).toMatchObject({
    status: 'out of memory',
    reason: expect.stringMatching(/^memory access out of bounds, with \d+ MiB of tensors$/),
  });
  const chart = ratioChart({ rows, width: 820 });
  expect(chart).toMatch(/^<svg role="img" aria-label="[^"]*dsm time 1 memory 1; lcss time/);
  expect(chart).not.toMatch(/NaN|Infinity|undefined|ism/);
});
