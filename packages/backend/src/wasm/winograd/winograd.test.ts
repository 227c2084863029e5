import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { engine, getBackend, memory, setBackend, tensor, type NamedAttrMap, type Tensor } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selectEngine } from '../../select.ts';
import type { Wasm } from '../kernel.ts';
import { winogradModule } from './module.ts';

/** Of the largest element of the exact result. Rounding leaves up to 3e-6 (README.md); a wrong sign or tile is of the order of 1. */
const TOLERANCE = 5e-6;
const RUNS = { numRuns: 60, seed: 20_26 };

const original = getBackend();
beforeAll(async () => {
  await selectEngine({ engine: 'wasm' });
});
afterAll(async () => {
  await setBackend(original);
});

/** Numbers in [−1, 1), as a function of the seed alone. */
const values = (shape: readonly number[], seed: number): Float32Array => {
  let state = seed * 2 + 1;
  const next = (): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return (state >>> 0) / 2 ** 31 - 1;
  };
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next);
};

interface Case {
  readonly x: readonly [number, number, number, number];
  readonly N: number;
  readonly pad: readonly [top: number, bottom: number, left: number, right: number];
  readonly seed: number;
}

/** The three kernels of one convolution, and the same from the definition in float64. */
const operands = ({ x: [B, H, W, K], N, pad: [top, bottom, left, right], seed }: Case) => {
  const shapes = { x: [B, H, W, K], filter: [3, 3, K, N], dy: [B, H + top + bottom - 2, W + left + right - 2, N], bias: [N] };
  const data = Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, values(shape, seed + i)])) as Record<keyof typeof shapes, Float32Array>; // prettier-ignore
  return { shapes, data };
};

const exactly = (which: Case) => {
  const { shapes, data } = operands(which);
  const [B, H, W, K] = which.x;
  const [, P, Q, N] = shapes.dy as [number, number, number, number];
  const [top, , left] = which.pad;
  const y = Float64Array.from({ length: B * P * Q * N }, (_, i) => data.bias[i % N]!);
  const dx = new Float64Array(B * H * W * K);
  const dFilter = new Float64Array(9 * K * N);
  for (let b = 0; b < B; b++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++)
        for (let tap = 0; tap < 9; tap++) {
          const [u, v] = [p + Math.floor(tap / 3) - top, q + (tap % 3) - left];
          if (u < 0 || u >= H || v < 0 || v >= W) continue;
          for (let k = 0; k < K; k++)
            for (let n = 0; n < N; n++) {
              const [at, f, to] = [((b * H + u) * W + v) * K + k, (tap * K + k) * N + n, ((b * P + p) * Q + q) * N + n];
              y[to]! += data.x[at]! * data.filter[f]!;
              dx[at]! += data.dy[to]! * data.filter[f]!;
              dFilter[f]! += data.x[at]! * data.dy[to]!;
            }
        }
  return { y, dx, dFilter };
};

const run = async (kernelName: string, inputs: Record<string, [Float32Array, number[]]>, attributes: object): Promise<Float32Array> => {
  const tensors = Object.entries(inputs).map(([name, [data, shape]]): [string, Tensor] => [name, tensor(data, shape)]);
  const [count, heap] = [memory().numTensors, engine().backend.numDataIds()];
  const out = engine().runKernel(kernelName, Object.fromEntries(tensors), attributes as NamedAttrMap) as Tensor;
  expect(engine().backend.numDataIds() - heap, 'tensors left on the heap').toBe(1);
  const data = Float32Array.from(await out.data());
  out.dispose();
  expect(memory().numTensors).toBe(count);
  tensors.forEach(([, each]) => each.dispose());
  return data;
};

const computed = async (which: Case) => {
  const { shapes, data } = operands(which);
  const [top, bottom, left, right] = which.pad;
  const attributes = { strides: 1, pad: [[0, 0], [top, bottom], [left, right], [0, 0]], dataFormat: 'NHWC', dilations: 1 }; // prettier-ignore
  const of = (name: keyof typeof shapes): [Float32Array, number[]] => [data[name], shapes[name]];
  return {
    y: await run('FusedConv2D', { x: of('x'), filter: of('filter'), bias: of('bias') }, { ...attributes, activation: 'linear' }),
    dx: await run('Conv2DBackpropInput', { dy: of('dy'), filter: of('filter') }, { ...attributes, inputShape: shapes.x }),
    dFilter: await run('Conv2DBackpropFilter', { x: of('x'), dy: of('dy') }, { ...attributes, filterShape: shapes.filter }),
  };
};

const four = fc.integer({ min: 1, max: 5 }).map((n) => 4 * n);
const cases = fc
  .record({
    B: fc.integer({ min: 1, max: 4 }),
    size: fc.tuple(fc.integer({ min: 1, max: 15 }), fc.integer({ min: 1, max: 15 })),
    channels: fc.tuple(four, four),
    pad: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
    seed: fc.nat(1000),
  })
  .filter(({ size: [H, W], pad: [top, bottom, left, right] }) => H + top + bottom >= 4 && W + left + right >= 4)
  .map(({ B, size: [H, W], channels: [K, N], pad, seed }): Case => ({ x: [B, H, W, K], N, pad, seed }));

describe('3×3 convolutions of stride 1', () => {
  it('has the module on the heap of the engine', () => {
    expect(winogradModule(engine().backend as unknown as Wasm)).not.toBeNull();
  });

  it('forward with bias, input and filter gradient are the definition, borders and odd sizes included', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (which) => {
        const [exact, ours] = [exactly(which), await computed(which)];
        for (const name of ['y', 'dx', 'dFilter'] as const) {
          const scale = exact[name].reduce((m, value) => Math.max(m, Math.abs(value)), 1);
          const error = exact[name].reduce((m, value, i) => Math.max(m, Math.abs(value - ours[name][i]!)), 0);
          expect(ours[name].length).toBe(exact[name].length);
          expect(error / scale, name).toBeLessThan(TOLERANCE);
        }
      }),
      RUNS,
    );
  });

  it('gives an image the same bits in any batch, at any place', async () => {
    const forward = fc.tuple(cases, fc.nat(3));
    await fc.assert(
      fc.asyncProperty(forward, async ([which, where]) => {
        const [, ...image] = which.x;
        const together = await computed({ ...which, x: [5, ...image] });
        const { data, shapes } = operands({ ...which, x: [5, ...image] });
        const [top, bottom, left, right] = which.pad;
        const pad = [[0, 0], [top, bottom], [left, right], [0, 0]]; // prettier-ignore
        const row = (of: Float32Array, rows: number): Float32Array =>
          of.slice((of.length / rows) * where, (of.length / rows) * (where + 1));
        const alone = (shape: number[]): number[] => [1, ...shape.slice(1)];
        const attributes = { strides: 1, pad, dataFormat: 'NHWC', dilations: 1 };
        const filter: [Float32Array, number[]] = [data.filter, shapes.filter];
        const y = await run('FusedConv2D', { x: [row(data.x, 5), alone(shapes.x)], filter, bias: [data.bias, shapes.bias] }, { ...attributes, activation: 'linear' }); // prettier-ignore
        const dx = await run('Conv2DBackpropInput', { dy: [row(data.dy, 5), alone(shapes.dy)], filter }, { ...attributes, inputShape: alone(shapes.x) }); // prettier-ignore
        expect(y).toEqual(row(together.y, 5));
        expect(dx).toEqual(row(together.dx, 5));
      }),
      { ...RUNS, numRuns: 30 },
    );
  });

  it('computes the same bits again, whatever the scratch memory held', async () => {
    const which: Case = { x: [3, 7, 7, 12], N: 20, pad: [1, 1, 1, 1], seed: 7 };
    const first = await computed(which);
    const soil = tensor(new Float32Array(200_000).fill(NaN));
    soil.dispose();
    expect(await computed(which)).toEqual(first);
  });

  it('refuses a full heap', () => {
    const { wasm } = engine().backend as unknown as { readonly wasm: { _malloc: (bytes: number) => number } };
    const [x, filter] = [tensor(values([1, 4, 4, 4], 1), [1, 4, 4, 4]), tensor(values([3, 3, 4, 4], 2), [3, 3, 4, 4])];
    const heap = engine().backend.numDataIds();
    const allocate = wasm._malloc;
    wasm._malloc = () => 0;
    try {
      expect(() => engine().runKernel('Conv2D', { x, filter }, { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1 })).toThrow(
        /heap of WebAssembly is full/,
      );
    } finally {
      wasm._malloc = allocate;
    }
    expect(engine().backend.numDataIds()).toBe(heap);
    [x, filter].forEach((each) => each.dispose());
  });

  it('is what assembly/ compiles to', async () => {
    const script = new URL('../../../assembly/compile.mjs', import.meta.url).pathname;
    await promisify(execFile)(process.execPath, [script, '--check']);
  });
});
