/** Rows of data on the host. `images` is [count, …shape] row-major, float32 in [−1, 1] for images; `labels` are class indices. */
export interface Rows {
  readonly images: Float32Array;
  readonly labels?: Int32Array;
}

/** A data set with random access. Reading is a pure function of the indices. */
export interface Dataset {
  /** Name and content, e.g. `mnist/train@6bbc9ace`: equal ids, equal data. */
  readonly id: string;
  /** Shape of one data point: [28, 28, 1], or [2]. */
  readonly shape: readonly number[];
  /** Number of classes, 0 without labels. */
  readonly classes: number;
  readonly size: number;
  /** Range of the values, where there is one: images are in [−1, 1]. */
  readonly range?: readonly [number, number];
  rows(indices: ArrayLike<number>): Rows;
}
