import { getKernel, setBackend } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import { describe, expect, it } from 'vitest';
import { awkward } from './awkward.ts';
import { errorOf } from './error-of.ts';
import { recorded, replayed, type Call, type Value } from './recording.ts';
import { workload } from './workload.ts';

/**
 * Every kernel that training with the first-party objectives and all first-party samplers use: as they use it, recorded on `wasm` with its
 * inputs, and on shapes that engines get wrong. Each call is made on `cpu`, the reference, and on the engine of the tests.
 * float32: 1e-5 of the largest number that comes out.
 */
const TOLERANCE = 1e-5;
/** exp(x) of large x: WGSL promises 3 + 2|x| units in the last place. */
const LOOSER: Readonly<Record<string, number>> = { Exp: 3e-5, Pow: 3e-5 };

const ENGINE = (await selectEngine({ engine: process.env['TWEEDIE_BACKEND'] ?? 'wasm' })).backend;
await selectEngine({ engine: 'cpu' });
await selectEngine({ engine: 'wasm' });
const used = new Map<string, Call[]>();
const calls = await recorded(async () => {
  for (const { run } of await workload()) await run();
});
for (const call of calls) used.set(call.kernel, [...(used.get(call.kernel) ?? []), call]);

const outputs = async (engine: string, call: Call): Promise<readonly Value[]> => {
  await setBackend(engine);
  const { outputs, left } = await replayed(call);
  expect(left, `tensors left by ${call.kernel} on ${engine}`).toBe(0);
  return outputs;
};

const agrees = async (call: Call): Promise<void> => {
  const error = errorOf(await outputs(ENGINE, call), await outputs('cpu', call));
  const shapes = Object.values(call.inputs).map(({ shape }: Value) => `[${shape.join()}]`);
  expect(error, `${call.kernel}(${shapes.join(', ')}) ${JSON.stringify(call.attributes)}`).toBeLessThan(LOOSER[call.kernel] ?? TOLERANCE);
};

describe(`kernels on ${ENGINE}`, () => {
  it.each([...used])('%s, as it is used', async (kernel, calls) => {
    expect(getKernel(kernel, ENGINE), `${kernel} is not registered`).toBeDefined();
    for (const call of calls) await agrees(call);
  });

  it.each([...used.keys()])('%s, of awkward shapes', async (kernel) => {
    expect(awkward[kernel], `no awkward calls of ${kernel}`).toBeDefined();
    for (const call of awkward[kernel]!()) await agrees({ kernel, ...call });
  });

  it('has no awkward calls of kernels that nobody uses', () => {
    expect(Object.keys(awkward).filter((kernel) => !used.has(kernel))).toEqual([]);
  });
});
