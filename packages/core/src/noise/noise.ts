import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Draw, Noise } from '../contracts/noise.ts';
import { philox4x32 } from './philox.ts';

/**
 * Noise from Philox 4×32-10: key = seed (low, high word), counter = (block, row, step, stream·2⁸ + draw).
 *
 * Each block gives four uniforms u = (x + ½)·2⁻³²; normals are Box–Muller on the pairs (0, 1) and (2, 3), cosine first.
 * `seed` is taken modulo 2⁶⁴; rows are integers in [0, 2³²).
 */
export const createNoise = (seed: bigint | number, firstRow = 0): Noise => {
  const wide = BigInt.asUintN(64, typeof seed === 'bigint' ? seed : bigintOf(seed));
  const key0 = Number(wide & 0xffffffffn);
  const key1 = Number(wide >> 32n);

  /** Fills rows of `width` numbers each; `write(out, at, block)` turns one block into four numbers. */
  const fill = (
    shape: readonly number[],
    at: Draw,
    write: (out: Float64Array, to: number, end: number, block: Uint32Array) => void,
  ): Float64Array => {
    const { rows, width } = layout(shape);
    const { stream, step = 0, draw = 0 } = checkDraw(at);
    const out = new Float64Array(rows * width);
    const block = new Uint32Array(4);
    for (let row = 0; row < rows; row++) {
      const end = (row + 1) * width;
      for (let to = row * width, count = 0; to < end; to += 4, count++) {
        philox4x32(count, firstRow + row, step, stream * 256 + draw, key0, key1, block, 0);
        write(out, to, end, block);
      }
    }
    return out;
  };

  const hostUniform = (shape: readonly number[], at: Draw): Float64Array => fill(shape, at, writeUniform);
  const hostNormal = (shape: readonly number[], at: Draw): Float64Array => fill(shape, at, writeNormal);
  const asTensor = (values: Float64Array, shape: readonly number[]): Tensor => tensor(Float32Array.from(values), [...shape], 'float32');

  return Object.freeze<Noise>({
    seed: wide,
    firstRow,
    hostUniform,
    hostNormal,
    uniform: (shape, at) => asTensor(hostUniform(shape, at), shape),
    normal: (shape, at) => asTensor(hostNormal(shape, at), shape),
    rademacher: (shape, at) =>
      asTensor(
        hostUniform(shape, at).map((u) => (u < 0.5 ? -1 : 1)),
        shape,
      ),
    rows: (offset) => createNoise(wide, firstRow + offset),
  });
};

const SCALE = 2 ** -32;
const uniformOf = (x: number): number => (x + 0.5) * SCALE;

const writeUniform = (out: Float64Array, to: number, end: number, block: Uint32Array): void => {
  for (let i = 0; i < 4 && to + i < end; i++) out[to + i] = uniformOf(block[i]!);
};

// z₁ = √(−2 ln u₁) cos 2πu₂,  z₂ = √(−2 ln u₁) sin 2πu₂
const writeNormal = (out: Float64Array, to: number, end: number, block: Uint32Array): void => {
  for (let pair = 0; pair < 4 && to + pair < end; pair += 2) {
    const radius = Math.sqrt(-2 * Math.log(uniformOf(block[pair]!)));
    const angle = 2 * Math.PI * uniformOf(block[pair + 1]!);
    out[to + pair] = radius * Math.cos(angle);
    if (to + pair + 1 < end) out[to + pair + 1] = radius * Math.sin(angle);
  }
};

const layout = (shape: readonly number[]): { rows: number; width: number } => {
  const [rows = 1, ...rest] = shape;
  return { rows, width: rest.reduce((product, n) => product * n, 1) };
};

const bigintOf = (seed: number): bigint => {
  if (!Number.isInteger(seed)) {
    throw tweedieError({
      subject: '@tweedie/core noise',
      problem: 'a seed is not an integer',
      got: seed,
      expected: 'an integer',
      remedy: 'pass an integer or a bigint',
    });
  }
  return BigInt(seed);
};

const checkDraw = (at: Draw): Draw => {
  const { stream, step = 0, draw = 0 } = at;
  const whole = (n: number, below: number): boolean => Number.isInteger(n) && n >= 0 && n < below;
  if (!whole(stream, 2 ** 24) || !whole(step, 2 ** 32) || !whole(draw, 256)) {
    throw tweedieError({
      subject: '@tweedie/core noise',
      problem: 'a draw lies outside the counter',
      got: { stream, step, draw },
      expected: 'integers with stream < 2²⁴, step < 2³², draw < 256',
    });
  }
  return at;
};
