import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { decodeSafetensors, encodeSafetensors } from '@tweedie/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeMethod } from '../experiment/methods.ts';
import { SMALL } from '../testing/small.fixture.ts';
import { evaluateRun } from './evaluate-run.ts';
import { exitCodeOf } from './failure.ts';
import { sampleRun } from './sample-run.ts';
import { trainRun } from './train-run.ts';

let home: string;
let run: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tweedie-sample-'));
  run = join(home, 'run');
  await trainRun({ config: SMALL, folder: run, cwd: home });
});
afterAll(() => rm(home, { recursive: true, force: true }));

const rowsOf = (images: Float32Array, from: number, count: number): number[] => [...images.slice(2 * from, 2 * (from + count))];
const refusal = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(exitCodeOf(error)).toBe(2);
  return (error as Error).message;
};

describe('sampling a run', () => {
  it('draws image i as a function of seed and i: in any batch, alone, from a folder or a file', async () => {
    const many = await sampleRun({ run, count: 20, cwd: home });
    expect(many).toMatchObject({ count: 20, shape: [2], classes: 8, nfe: 4, seed: 7, guidance: 1 });
    expect([...many.labels!]).toEqual(Array.from({ length: 20 }, (_, i) => i % 8));
    const alone = await sampleRun({ run: join(run, 'weights.safetensors'), count: 1, first: 17, cwd: home });
    expect([...alone.labels!]).toEqual([1]);
    const others = await sampleRun({ run, count: 20, batchSize: 7, cwd: home });
    for (let i = 0; i < 2; i++) expect(Math.abs(alone.images[i]! - many.images[34 + i]!)).toBeLessThan(1e-4);
    for (let i = 0; i < 40; i++) expect(Math.abs(others.images[i]! - many.images[i]!)).toBeLessThan(1e-4);
    expect(rowsOf((await sampleRun({ run, count: 2, seed: 8, cwd: home })).images, 0, 1)).not.toEqual(rowsOf(many.images, 0, 1));
  });

  it('takes other levels and samplers than the run was made with', async () => {
    const heun = await sampleRun({ run, count: 2, sampler: { use: 'heun' }, steps: 6, levels: { max: 10 }, cwd: home });
    expect(heun.plan).toMatchObject({ sampler: 'heun', nfe: 11 });
    expect(heun.nfe).toBe(11);
    expect(heun.plan.levels).toHaveLength(7);
    expect(heun.plan.levels[0]).toBe(10);
  });

  it('guides towards labels at twice the calls, and w = 1 is no guidance', async () => {
    const plain = await sampleRun({ run, count: 4, labels: [3], cwd: home });
    const guided = await sampleRun({ run, count: 4, labels: [3], guidance: 3, cwd: home });
    const free = await sampleRun({ run, count: 4, labels: [-1], cwd: home });
    const none = await sampleRun({ run, count: 4, labels: 'none', cwd: home });
    expect([[...none.labels!], none.images]).toEqual([[-1, -1, -1, -1], free.images]);
    expect(guided.nfe).toBe(2 * plain.nfe);
    expect([...plain.labels!]).toEqual([3, 3, 3, 3]);
    expect(rowsOf(guided.images, 0, 4)).not.toEqual(rowsOf(plain.images, 0, 4));
    expect(rowsOf(free.images, 0, 4)).not.toEqual(rowsOf(plain.images, 0, 4));
  });

  it('keeps x̂₀ on the way, the images at its end', async () => {
    const { trajectory, images, plan } = await sampleRun({ run, count: 5, trajectory: 3, cwd: home });
    expect(trajectory).toHaveLength(plan.steps.length + 1);
    trajectory!.forEach((frame) => expect(frame).toHaveLength(6));
    expect([...trajectory!.at(-1)!]).toEqual(rowsOf(images, 0, 3));
    // The last step to ρ = 0 is x̂₀ itself.
    for (let i = 0; i < 6; i++) expect(trajectory!.at(-2)![i]).toBeCloseTo(images[i]!, 5);
  });

  it('leaks no tensor, interrupted or not', async () => {
    const before = memory().numTensors;
    await sampleRun({ run, count: 3, trajectory: 2, cwd: home });
    expect(memory().numTensors).toBe(before);
    const abort = new AbortController();
    await expect(sampleRun({ run, count: 3, cwd: home, signal: abort.signal, onEvent: () => abort.abort() })).rejects.toThrow();
    expect(memory().numTensors).toBe(before);
  });

  it('refuses what is no run, no class, no number', async () => {
    expect(await refusal(sampleRun({ run: join(home, 'none'), count: 1, cwd: home }))).toMatch(/there is no such run.*tweedie train/);
    expect(await refusal(sampleRun({ run: home, count: 1, cwd: home }))).toMatch(/holds no weights yet/);
    expect(await refusal(sampleRun({ run, count: 1, labels: [8], cwd: home }))).toMatch(
      /not a class of this model: got 8, expected integers from 0 to 7/,
    );
    expect(await refusal(sampleRun({ run, count: 0, cwd: home }))).toMatch(/\[count\].*got 0, expected an integer ≥ 1/);
  });

  it('refuses weights that lie, and those of another network', async () => {
    const good = await readFile(join(run, 'weights.safetensors'));
    const lying = Buffer.from(good);
    lying.writeBigUInt64LE(BigInt(good.length), 0);
    const cut = good.subarray(0, good.length - 40);
    const { tensors, metadata } = decodeSafetensors(good, 'good');
    const [name, tensor] = Object.entries(tensors)[0]!;
    const stored = Object.fromEntries(Object.entries(tensors).map(([key, { shape, data }]) => [key, { shape, data }]));
    const other = encodeSafetensors({
      tensors: { ...stored, [name]: { shape: [tensor.data.length + 1], data: new Float32Array(tensor.data.length + 1) } },
      metadata,
    });
    const foreign = encodeSafetensors({ tensors: { x: { shape: [1], data: Float32Array.of(1) } } });
    for (const [bytes, said] of [
      [lying, /the header claims more bytes than there are.*got \d+, expected at most/],
      [cut, /lies beyond the end of the file/],
      [other, /the weights are of another network: ".*" does not fit.*use the weights of this network/],
      [foreign, /the file says nothing of the network it belongs to.*use the weights\.safetensors of a run/],
      [Buffer.from('no tensors'), /the header claims more bytes|header/],
    ] as const) {
      const path = join(home, 'bad.safetensors');
      await writeFile(path, bytes);
      expect(await refusal(sampleRun({ run: path, count: 1, cwd: home }))).toMatch(said);
      expect((await readFile(path)).equals(Buffer.from(bytes))).toBe(true);
    }
  });
});

describe('judging a run', () => {
  it('holds fresh images against data of another seed', async () => {
    const { metrics, n, reference, drawn, seed } = await evaluateRun({ run, count: 48, cwd: home });
    expect({ n, reference, seed }).toEqual({ n: 48, reference: 'eight-gaussians@seed=1,n=50', seed: 7 });
    expect(metrics.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^FD-raw/),
      expect.stringMatching(/^SW/),
      expect.stringMatching(/^MMD/),
    ]);
    expect(drawn?.count).toBe(48);
  });

  it('judges what was drawn already as it judges what it draws', async () => {
    const drawn = await sampleRun({ run, count: 48, cwd: home });
    const [given] = (await evaluateRun({ run, samples: drawn, metrics: ['sliced-wasserstein'], cwd: home })).metrics;
    const [own] = (await evaluateRun({ run, count: 48, metrics: ['sliced-wasserstein'], cwd: home })).metrics;
    expect(given).toEqual(own);
    // Real data are nearer to real data than what 40 steps can draw.
    expect(given!.value).toBeGreaterThan(0.01);
  });

  it('draws without classes, and judges a data set as it judges its rows', async () => {
    const { drawn, n } = await evaluateRun({ run, count: 6, labels: 'none', metrics: ['sliced-wasserstein'], cwd: home });
    expect([n, new Set(drawn!.labels)]).toEqual([6, new Set([-1])]);
    const { it: samples } = await makeMethod('data', { use: 'eight-gaussians', size: 20, seed: 9 }, home);
    const { images, labels } = samples.rows(Array.from({ length: 20 }, (_, i) => i));
    const settings = { reference: samples, metrics: ['sliced-wasserstein', 'mmd'], cwd: home };
    const [whole, rows] = [
      await evaluateRun({ ...settings, samples }),
      await evaluateRun({ ...settings, samples: { images, labels: labels!, shape: [2] } }),
    ];
    expect([whole.n, whole.metrics]).toEqual([20, rows.metrics]);
    expect(whole.metrics[0]!.value).toBeCloseTo(0, 12); // squares of rounding, where an engine's products depend on the batch
  });

  it('refuses a value that is not finite, and a drawing that fails is no fault of the input', async () => {
    const settings = { run, cwd: home, metrics: ['sliced-wasserstein'] };
    const nan = { images: Float32Array.of(0, NaN, 1, 1), shape: [2] };
    expect(await refusal(evaluateRun({ ...settings, samples: nan }))).toMatch(/image 0 holds a value that is not finite/);
    const error: unknown = await evaluateRun({ ...settings, count: 4, sampler: { use: 'heun' }, levels: { max: 1e30 } }).catch((thrown: unknown) => thrown); // prettier-ignore
    expect(exitCodeOf(error), String(error)).toBe(1);
  });

  it('refuses images of another shape, and metrics that are not there', async () => {
    expect(await refusal(evaluateRun({ run, samples: { images: new Float32Array(6), shape: [3] }, cwd: home }))).toMatch(
      /another shape than the real data: got \[3\], expected \[2\]/,
    );
    expect(await refusal(evaluateRun({ run, metrics: ['no-such-metric'], cwd: home }))).toMatch(/\[no-such-metric\] neither a method/);
    expect(await refusal(evaluateRun({ cwd: home }))).toMatch(/there is nothing to judge/);
  });
});
