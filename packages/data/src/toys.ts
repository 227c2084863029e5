/**
 * Two-dimensional distributions for a first look at a method: points in about [−1, 1]², made from a seed.
 *
 * Row i is a pure function of (name, seed, i): it does not depend on `size`, and any size may be asked for. No file is read
 * and no `node:` module imported, so that this entry runs in a browser.
 */
import { createNoise, STREAM, tweedieError, type Dataset, type Noise } from '@tweedie/core';
import { checkRow } from './gather.ts';

export type ToyName = 'checkerboard' | 'swiss-roll' | 'rings' | 'eight-gaussians';

export interface ToyOptions {
  readonly name: ToyName;
  /** How many rows the data set says it has. Default 2²⁰. */
  readonly size?: number;
  /** Default 0. */
  readonly seed?: bigint | number;
}

/** Eight equal Gaussians: means on a circle, at angles k·45°, and the standard deviation of each. */
export const EIGHT_GAUSSIANS = Object.freeze({
  deviation: 0.05,
  means: Object.freeze(
    Array.from({ length: 8 }, (_, k) => Object.freeze([0.8 * Math.cos((k * Math.PI) / 4), 0.8 * Math.sin((k * Math.PI) / 4)] as const)),
  ),
});

/** Four concentric rings, equally probable: radii, and the standard deviation of the radius. */
export const RINGS = Object.freeze({ deviation: 0.02, radii: Object.freeze([0.25, 0.5, 0.75, 1]) });

/** The roll (t cos t, t sin t)/4.5π, t uniform on [1.5π, 4.5π], with Gaussian noise of this deviation. */
export const SWISS_ROLL = Object.freeze({ deviation: 0.02, from: 1.5 * Math.PI, to: 4.5 * Math.PI });

/** Two uniform and two normal numbers make a point, and its class where there are classes. */
interface Recipe {
  readonly classes: number;
  readonly range?: readonly [number, number];
  point(u0: number, u1: number, z0: number, z1: number): readonly [x: number, y: number, label: number];
}

const RECIPES: Readonly<Record<ToyName, Recipe>> = Object.freeze({
  // 4×4 cells of side ½ over [−1, 1]²; uniform on the eight whose row and column are both even or both odd
  checkerboard: {
    classes: 0,
    range: [-1, 1],
    point: (u0, u1) => {
      const column = Math.floor(4 * u0);
      const row = 2 * Math.floor(2 * u1) + (column % 2);
      return [2 * u0 - 1, (row + ((2 * u1) % 1)) / 2 - 1, 0];
    },
  },
  'swiss-roll': {
    classes: 0,
    point: (u0, _, z0, z1) => {
      const { deviation, from, to } = SWISS_ROLL;
      const t = from + (to - from) * u0;
      return [(t / to) * Math.cos(t) + deviation * z0, (t / to) * Math.sin(t) + deviation * z1, 0];
    },
  },
  rings: {
    classes: RINGS.radii.length,
    point: (u0, u1, z0) => {
      const ring = Math.floor(RINGS.radii.length * u0);
      const radius = RINGS.radii[ring]! + RINGS.deviation * z0;
      return [radius * Math.cos(2 * Math.PI * u1), radius * Math.sin(2 * Math.PI * u1), ring];
    },
  },
  'eight-gaussians': {
    classes: 8,
    point: (u0, _, z0, z1) => {
      const mode = Math.floor(8 * u0);
      const [x, y] = EIGHT_GAUSSIANS.means[mode]!;
      return [x + EIGHT_GAUSSIANS.deviation * z0, y + EIGHT_GAUSSIANS.deviation * z1, mode];
    },
  },
});

export const TOY_NAMES: readonly ToyName[] = Object.freeze(Object.keys(RECIPES) as ToyName[]);

const MAX_SIZE = 2 ** 32;

/**
 * A data set of points, shape [2]: `checkerboard`, `swiss-roll` (no labels), `rings` (label = ring, innermost first),
 * `eight-gaussians` (label = mode). Only the checkerboard has a `range`; the others have Gaussian tails.
 * Errors: an unknown name, a size that is no integer from 1 to 2³².
 */
export const toy = ({ name, size = 2 ** 20, seed = 0 }: ToyOptions): Dataset => {
  const recipe: Recipe | undefined = RECIPES[name];
  if (!recipe) throw tweedieError({ subject: '@tweedie/data', problem: 'there is no such toy', got: name, expected: TOY_NAMES.join(', ') });
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE)
    throw tweedieError({ subject: name, problem: 'the size is out of range', got: size, expected: 'an integer from 1 to 2³²' });
  const noise = createNoise(seed);
  const id = `${name}@seed=${String(noise.seed)},n=${String(size)}`;
  return Object.freeze({
    id,
    shape: Object.freeze([2]),
    classes: recipe.classes,
    size,
    ...(recipe.range && { range: Object.freeze(recipe.range) }),
    rows: (indices: ArrayLike<number>) => draw(recipe, noise, indices, (row) => checkRow(id, row, size)),
  });
};

const draw = (
  recipe: Recipe,
  noise: Noise,
  indices: ArrayLike<number>,
  check: (row: number) => void,
): { images: Float32Array; labels?: Int32Array } => {
  const images = new Float32Array(2 * indices.length);
  const labels = new Int32Array(indices.length);
  for (let i = 0; i < indices.length;) {
    // Rows that follow each other are drawn together: row r of the noise is the same either way.
    const first = indices[i]!;
    let count = 0;
    while (i + count < indices.length && indices[i + count] === first + count) check(first + count++);
    if (count === 0) check(first); // NaN equals nothing
    const here = noise.rows(first);
    const u = here.hostUniform([count, 2], { stream: STREAM.data, draw: 0 });
    const z = here.hostNormal([count, 2], { stream: STREAM.data, draw: 1 });
    for (let j = 0; j < count; j++, i++) {
      const [x, y, label] = recipe.point(u[2 * j]!, u[2 * j + 1]!, z[2 * j]!, z[2 * j + 1]!);
      images[2 * i] = x;
      images[2 * i + 1] = y;
      labels[i] = label;
    }
  }
  return Object.freeze({ images, ...(recipe.classes > 0 && { labels }) });
};
