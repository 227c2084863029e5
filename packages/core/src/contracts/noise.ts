import type { Tensor } from '@tensorflow/tfjs-core';

/** Where in the random sequence a draw stands. Equal places give equal numbers. */
export interface Draw {
  /** What the numbers are for; see {@link STREAM}. An integer in [0, 2²⁴). */
  readonly stream: number;
  /** Training step, or sampler step. An integer in [0, 2³²). Default 0. */
  readonly step?: number;
  /** Several draws within one step of one stream. An integer in [0, 256). Default 0. */
  readonly draw?: number;
}

/** The streams that Tweedie itself uses; a plugin takes numbers from {@link STREAM.plugin} upward. */
export const STREAM = Object.freeze({
  initialise: 1,
  shuffle: 2,
  label: 3,
  time: 4,
  perturb: 5,
  prior: 6,
  sampler: 7,
  dropout: 8,
  projection: 9,
  data: 10,
  augment: 11,
  metric: 12,
  process: 13,
  plugin: 1024,
});

/**
 * Randomness as a pure function of (seed, stream, step, draw, row): Philox 4×32-10.
 *
 * The first axis of a shape counts rows, and row i of the result is row `firstRow + i` of the sequence: it does not
 * depend on the batch, the shard or the micro-batch that it is drawn in. A scalar shape `[]` is row `firstRow`.
 * The numbers are made on the host in float64 and are the same on every engine.
 */
export interface Noise {
  readonly seed: bigint;
  readonly firstRow: number;
  /** ε ~ N(0, I). The tensor is the caller's. */
  normal(shape: readonly number[], at: Draw): Tensor;
  /** u ~ U(0, 1), never 0 or 1 (in float32 as a tensor: never 0). */
  uniform(shape: readonly number[], at: Draw): Tensor;
  /** ±1 with equal probability. */
  rademacher(shape: readonly number[], at: Draw): Tensor;
  /** The same numbers as {@link Noise.normal}, float64 on the host. */
  hostNormal(shape: readonly number[], at: Draw): Float64Array;
  /** The same numbers as {@link Noise.uniform}, float64 on the host. */
  hostUniform(shape: readonly number[], at: Draw): Float64Array;
  /** The same noise seen from `offset` rows further on: `noise.rows(17).normal([1, …])` is row 17 of `noise`. */
  rows(offset: number): Noise;
}
