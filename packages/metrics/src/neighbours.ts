import { doubt, eachDistance, exactDistance, type PointCloud } from './point-cloud.ts';

/** The k nearest rows of each row, nearest first: squared distances in float64, and which. Infinity and −1 where there are fewer. */
export interface Neighbours {
  readonly k: number;
  /** [n, k] */
  readonly squared: Float64Array;
  /** [n, k] */
  readonly index: Int32Array;
}

export const noNeighbours = (n: number, k: number): Neighbours => ({
  k,
  squared: new Float64Array(n * k).fill(Infinity),
  index: new Int32Array(n * k).fill(-1),
});

/**
 * Takes rows of `b` among the neighbours of rows of `a`; row j of `b` is called `firstB` + j. A row of a cloud is no neighbour of
 * itself. What the engine's float32 leaves open is decided in float64: the result is that of exact distances.
 */
export const meet = async (subject: string, found: Neighbours, a: PointCloud, b: PointCloud, firstB = 0): Promise<void> => {
  const { k, squared: best, index } = found;
  await eachDistance(a, b, (row, first, squared) => {
    const [from, last] = [row * k, row * k + k - 1];
    for (let j = 0; j < squared.length; j++) {
      const other = first + j;
      if ((a === b && other === row) || squared[j]! - doubt(a, row, b, other) >= best[last]!) continue;
      const exact = exactDistance(subject, a, row, b, other, squared[j]!);
      if (exact >= best[last]!) continue;
      let at = last;
      for (; at > from && best[at - 1]! > exact; at--) {
        best[at] = best[at - 1]!;
        index[at] = index[at - 1]!;
      }
      best[at] = exact;
      index[at] = firstB + other;
    }
  });
};

/** The squared distance of each row to its k-th nearest other row, float64. */
export const squaredRadii = async (subject: string, cloud: PointCloud, k: number): Promise<Float64Array> => {
  const found = noNeighbours(cloud.n, k);
  await meet(subject, found, cloud, cloud);
  return Float64Array.from({ length: cloud.n }, (_, row) => found.squared[row * k + k - 1]!);
};

/** Calls `use(i, j)` where ‖aᵢ − bⱼ‖² ≤ radii[j], the squared radius of the ball about bⱼ; decided in float64. */
export const eachInside = async (
  subject: string,
  a: PointCloud,
  b: PointCloud,
  radii: Float64Array,
  use: (row: number, ball: number) => void,
): Promise<void> =>
  eachDistance(a, b, (row, first, squared) => {
    for (let j = 0; j < squared.length; j++) {
      const ball = first + j;
      const [distance, radius] = [squared[j]!, radii[ball]!];
      const slack = doubt(a, row, b, ball);
      if (distance - slack > radius) continue;
      if (distance + slack <= radius || exactDistance(subject, a, row, b, ball, distance) <= radius) use(row, ball);
    }
  });
