import {
  engine,
  getBackend,
  grad,
  memory,
  setBackend,
  split,
  square,
  sum,
  tensor,
  type NamedAttrMap,
  type Tensor,
} from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selectEngine } from '../select.ts';

/**
 * Every kernel that we give to `wasm` is held against `cpu`'s, over shapes, strides and paddings; so are another engine's own where the suites
 * run on it. float32: 1e-5 of the largest element.
 */
const TOLERANCE = 1e-5;
const RUNS = { numRuns: 40, seed: 20_26 };

const OURS = process.env['TWEEDIE_BACKEND'] === 'cpu' ? 'wasm' : process.env['TWEEDIE_BACKEND'] || 'wasm';
const original = getBackend();
beforeAll(async () => {
  await selectEngine({ engine: 'cpu' });
  await selectEngine({ engine: OURS });
});
afterAll(async () => {
  await setBackend(original);
});

type Value = { shape: number[]; values: Float32Array | Int32Array };

/** Numbers in [−1, 1), as a function of the seed alone. */
const values = (shape: number[], seed: number): Value => {
  let state = seed * 2 + 1;
  const next = (): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return (state >>> 0) / 2 ** 31 - 1;
  };
  return { shape, values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next) };
};

const on = async (
  backend: string,
  kernelName: string,
  inputs: Record<string, Value>,
  attributes: object,
): Promise<{ shape: number[]; data: Float32Array }> => {
  await selectEngine({ engine: backend });
  const before = memory().numTensors;
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, values }]): [string, Tensor] => [
      name,
      tensor(values, shape, values instanceof Int32Array ? 'int32' : 'float32'),
    ]),
  );
  const heap = engine().backend.numDataIds();
  const out = engine().runKernel(kernelName, tensors, attributes as NamedAttrMap) as Tensor;
  expect(engine().backend.numDataIds() - heap, 'tensors left on the heap').toBe(1);
  const data = Float32Array.from(await out.data());
  const shape = out.shape;
  out.dispose();
  for (const input of Object.values(tensors)) input.dispose();
  expect(memory().numTensors).toBe(before);
  return { shape, data };
};

const agree = async (kernelName: string, inputs: Record<string, Value>, attributes: object): Promise<void> => {
  const ours = await on(OURS, kernelName, inputs, attributes);
  const theirs = await on('cpu', kernelName, inputs, attributes);
  expect(ours.shape).toEqual(theirs.shape);
  const scale = Math.max(1, ...theirs.data.map(Math.abs));
  const error = Math.max(0, ...theirs.data.map((y, i) => Math.abs(y - ours.data[i]!)));
  expect(error / scale).toBeLessThan(TOLERANCE);
};

const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });

/** A convolution that has an output: its input is at least as large as its filter. */
const convolution = fc
  .record({
    batch: size(3),
    filter: fc.tuple(size(4), size(4)),
    slack: fc.tuple(fc.nat(5), fc.nat(5)),
    channels: fc.tuple(size(6), size(6)),
    strides: fc.tuple(size(3), size(3)),
    pad: fc.oneof(
      fc.constantFrom<'valid' | 'same'>('valid', 'same'),
      fc.nat(3),
      fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)).map(([t, b, l, r]) => [
        [0, 0],
        [t, b],
        [l, r],
        [0, 0],
      ]),
    ),
    seed: fc.nat(1000),
  })
  .map(({ batch, filter: [h, w], slack, channels: [cin, cout], strides, pad, seed }) => ({
    x: [batch, h + slack[0], w + slack[1], cin],
    filter: [h, w, cin, cout],
    attributes: { strides, pad, dataFormat: 'NHWC', dimRoundingMode: typeof pad === 'string' ? undefined : 'floor', dilations: [1, 1] },
    seed,
  }));

/** TensorFlow.js takes the height's filter and stride for both axes where the padding is a number: other engines are right there, and differ. */
const soundOf = (cases: typeof convolution): typeof convolution =>
  OURS === 'wasm'
    ? cases
    : cases.filter(
        ({ filter, attributes: { strides, pad } }) => typeof pad !== 'number' || (strides[0] === strides[1] && filter[0] === filter[1]),
      );

/** TensorFlow's depthwise convolution has one stride. */
const depthwise = OURS === 'wasm' ? convolution : soundOf(convolution).filter(({ attributes: { strides } }) => strides[0] === strides[1]);

/** The shape of the output, from the engine itself. */
const outputShape = async (kernelName: string, x: number[], filter: number[], attributes: object): Promise<number[]> =>
  (await on('cpu', kernelName, { x: values(x, 1), filter: values(filter, 2) }, attributes)).shape;

describe('convolution', () => {
  it.skipIf(OURS === 'wasm')('values, of an engine that knows fewer paddings', async () => {
    // Half a filter on each side is `same` at stride 1; at stride 2 it is not, where the image is even.
    for (const strides of [1, 2])
      for (const side of [4, 5])
        await agree(
          'Conv2D',
          { x: values([1, side, side, 1], 1), filter: values([3, 3, 1, 1], 2) },
          { strides: [strides, strides], pad: 1, dataFormat: 'NHWC', dimRoundingMode: 'floor', dilations: [1, 1] },
        );
    await fc.assert(
      fc.asyncProperty(depthwise, async ({ x, filter, attributes, seed }) => {
        for (const name of ['Conv2D', 'DepthwiseConv2dNative'])
          await agree(name, { x: values(x, seed), filter: values(filter, seed + 1) }, attributes);
      }),
      RUNS,
    );
  });

  it('filter gradient', async () => {
    await fc.assert(
      fc.asyncProperty(soundOf(convolution), async ({ x, filter, attributes, seed }) => {
        const dy = await outputShape('Conv2D', x, filter, attributes);
        await agree('Conv2DBackpropFilter', { x: values(x, seed), dy: values(dy, seed + 1) }, { ...attributes, filterShape: filter });
      }),
      RUNS,
    );
  });

  it('input gradient', async () => {
    await fc.assert(
      fc.asyncProperty(soundOf(convolution), async ({ x, filter, attributes, seed }) => {
        const dy = await outputShape('Conv2D', x, filter, attributes);
        await agree('Conv2DBackpropInput', { dy: values(dy, seed), filter: values(filter, seed + 1) }, { ...attributes, inputShape: x });
      }),
      RUNS,
    );
  });

  it('depthwise filter and input gradients', async () => {
    await fc.assert(
      fc.asyncProperty(depthwise, async ({ x, filter, attributes, seed }) => {
        const multiplied = [...filter.slice(0, 3), 1 + (seed % 3)];
        const dy = await outputShape('DepthwiseConv2dNative', x, multiplied, attributes);
        await agree(
          'DepthwiseConv2dNativeBackpropFilter',
          { x: values(x, seed), dy: values(dy, seed + 1) },
          { ...attributes, filterShape: multiplied },
        );
        await agree(
          'DepthwiseConv2dNativeBackpropInput',
          { dy: values(dy, seed), filter: values(multiplied, seed + 1) },
          { ...attributes, inputShape: x },
        );
      }),
      RUNS,
    );
  });
});

describe('matrix product', () => {
  it('transposed operands, batches and broadcasting of a batch of one', async () => {
    const cases = fc.record({
      m: size(13),
      n: size(19),
      k: size(9),
      batch: size(3),
      one: fc.constantFrom('a', 'b', 'neither'),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ m, n, k, batch, one, transposeA, transposeB, seed }) => {
        const a = values([one === 'a' ? 1 : batch, ...(transposeA ? [k, m] : [m, k])], seed);
        const b = values([one === 'b' ? 1 : batch, ...(transposeB ? [n, k] : [k, n])], seed + 1);
        await agree('BatchMatMul', { a, b }, { transposeA, transposeB });
      }),
      RUNS,
    );
  });
});

describe('reductions and repetitions', () => {
  const shape = fc.array(size(5), { minLength: 1, maxLength: 4 });

  it('sums over any axes', async () => {
    const cases = fc.record({
      shape,
      mask: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      keepDims: fc.boolean(),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, mask, keepDims, seed }) => {
        const axis = shape.flatMap((_, i) => (mask[i] === true ? [i] : []));
        if (axis.length > 0) await agree('Sum', { x: values(shape, seed) }, { axis, keepDims });
      }),
      RUNS,
    );
  });

  it('repeats along any axes', async () => {
    const cases = fc.record({
      shape: fc.array(size(3), { minLength: 1, maxLength: 5 }),
      reps: fc.array(size(3), { minLength: 5, maxLength: 5 }),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, reps, seed }) =>
        agree('Tile', { x: values(shape, seed) }, { reps: shape.map((_, i) => reps[i]!) }),
      ),
      RUNS,
    );
  });

  it('adjoints of mean pooling and of nearest-neighbour resizing', async () => {
    const cases = fc.record({
      batch: size(3),
      h: size(4),
      w: size(4),
      c: size(6),
      scale: fc.tuple(size(3), size(3)),
      half: fc.boolean(),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ batch, h, w, c, scale: [sh, sw], half, seed }) => {
        const small = values([batch, h, w, c], seed);
        const large = values([batch, h * sh, w * sw, c], seed + 1);
        await agree('AvgPoolGrad', { dy: small, input: large }, { filterSize: [sh, sw], strides: [sh, sw], pad: 'valid' });
        await agree('ResizeNearestNeighborGrad', { dy: large, images: small }, { alignCorners: false, halfPixelCenters: half });
      }),
      RUNS,
    );
  });
});

describe('boxes', () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });

  it('slices any box', async () => {
    const cases = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.tuple(...shape.map((n) => fc.integer({ min: 0, max: n - 1 }).chain((from) => fc.tuple(fc.constant(from), fc.integer({ min: 1, max: n - from }))))), fc.nat()),
    ); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(cases, async ([shape, box, seed]) => {
        await agree('Slice', { x: values(shape, seed) }, { begin: box.map(([from]) => from), size: box.map(([, extent]) => extent) });
      }),
      RUNS,
    );
  });

  it('splits along any axis into any sizes, one included', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(), fc.nat(), async (shape, seed, where) => {
        const axis = where % shape.length;
        const sizes = shape[axis]! > 1 ? [1, shape[axis]! - 1] : [1];
        const parts = async (backend: string): Promise<number[][]> => {
          await selectEngine({ engine: backend });
          const { values: data } = values(shape, seed);
          const x = tensor(data, shape);
          const pieces = split(x, sizes, axis);
          const read = await Promise.all(pieces.map(async (piece) => [...piece.shape, ...(await piece.data())]));
          [x, ...pieces].forEach((each) => each.dispose());
          return read;
        };
        const before = memory().numTensors;
        expect(await parts(OURS)).toEqual(await parts('cpu'));
        expect(memory().numTensors).toBe(before);
      }),
      RUNS,
    );
  });

  it('has a gradient for a split into one piece', async () => {
    await selectEngine({ engine: OURS });
    const x = tensor([1, 2, 3]);
    const g = grad((at: Tensor) => sum(square(split(at, [3])[0]!)))(x);
    expect([...(await g.data())]).toEqual([2, 4, 6]);
    [x, g].forEach((each) => each.dispose());
  });
});

describe('clones', () => {
  it('share their data, and outlive each other in either order', async () => {
    await selectEngine({ engine: 'wasm' });
    const heap = engine().backend.numDataIds();
    for (const first of [0, 1]) {
      const x = tensor([1, 2, 3]);
      const both = [x, x.clone()];
      expect(engine().backend.numDataIds()).toBe(heap + 1);
      both[first]!.dispose();
      const other = tensor([7, 7, 7]); // takes the place of what was freed too early
      expect([...(await both[1 - first]!.data())]).toEqual([1, 2, 3]);
      [both[1 - first]!, other].forEach((each) => each.dispose());
      expect(engine().backend.numDataIds()).toBe(heap);
    }
    await selectEngine({ engine: OURS });
  });
});

describe('segments', () => {
  it('sums rows by segment, dropping negative ids', async () => {
    const cases = fc.record({
      ids: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 }),
      width: size(5),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ ids, width, seed }) => {
        const segmentIds = { shape: [ids.length], values: Int32Array.from(ids) };
        await agree('UnsortedSegmentSum', { x: values([ids.length, width], seed), segmentIds }, { numSegments: 6 });
      }),
      RUNS,
    );
  });
});
