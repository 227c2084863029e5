import { memory, setBackend } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import { describe, expect, it } from 'vitest';
import { workload } from './workload.ts';

/** Whole trainings and whole sampler runs give what `wasm` gives; on `wasm`, what `cpu` gives. Everything that they make they free. */
const ENGINE = (await selectEngine({ engine: process.env['TWEEDIE_BACKEND'] ?? 'wasm' })).backend;
const REFERENCE = ENGINE === 'wasm' ? 'cpu' : 'wasm';
await selectEngine({ engine: REFERENCE });

/** Of the largest number: losses and weights after two steps of Adam, images after four steps of a sampler. */
const TOLERANCE = 1e-5;
/** Where the grid itself follows from the numbers, through estimates of small errors. */
const ADAPTIVE: Readonly<Record<string, number>> = { rk45: 1e-3, 'dpm-solver-adaptive': 1e-3 };

const on = async (engine: string, run: () => Promise<Float32Array>): Promise<Float32Array> => {
  await setBackend(engine);
  const before = memory().numTensors;
  const numbers = await run();
  expect(memory().numTensors - before, `tensors left on ${engine}`).toBe(0);
  return numbers;
};

/** What a software adapter has the time for: every network, every objective, every sampler; not every pair. */
const tasks = (await workload()).filter(({ name, kind }) => kind !== 'training' || name.startsWith('dsm') || name.endsWith('mlp'));

describe(`on ${ENGINE}, as on ${REFERENCE}`, () => {
  it.each(tasks)('$kind: $name', async ({ name, run }) => {
    const [got, expected] = [await on(ENGINE, run), await on(REFERENCE, run)];
    expect(got).toHaveLength(expected.length);
    const scale = Math.max(1, ...expected.map(Math.abs));
    const error = Math.max(...expected.map((y, i) => Math.abs(got[i]! - y)));
    expect(error / scale).toBeLessThan(ADAPTIVE[name] ?? TOLERANCE);
  });
});
