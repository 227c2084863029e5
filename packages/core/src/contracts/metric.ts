import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { Dataset } from './dataset.ts';
import type { Model } from './model.ts';
import type { Schedule } from './schedule.ts';

/** Images → features. Its id carries the hash of its weights: a better extractor gives other numbers, and says so. */
export interface Extractor {
  /** e.g. `mnistnet-1a2b3c4d`. */
  readonly id: string;
  readonly dims: number;
  /** [B, …shape] → [B, dims]; the result is the caller's. */
  features(images: Tensor): Tensor2D | Promise<Tensor2D>;
  /** Class logits [B, K], where the extractor is a classifier. */
  logits?(images: Tensor): Tensor2D | Promise<Tensor2D>;
}

export interface MetricResult {
  /** What is printed: `FD-mnistnet-1a2b3c4d`. Never `FID` unless the extractor is the 2015-12-05 Inception graph. */
  readonly name: string;
  readonly value: number;
  /** Rows judged. */
  readonly n: number;
  /** 95 % interval, where one can be had. */
  readonly interval?: readonly [number, number];
  /** The value that real data gets against real data at the same n, where it was measured. */
  readonly floor?: number;
  /** Everything that the value depends on: reference id and size, bandwidths, projections, seed. */
  readonly details: { readonly [key: string]: number | string };
}

export interface MetricContext {
  readonly model?: Model;
  readonly schedule?: Schedule;
  readonly extractor?: Extractor;
  /** The real data. */
  readonly reference?: Dataset;
  /** What the model was trained on, for metrics that look for copies of it. */
  readonly training?: Dataset;
  readonly seed: bigint;
}

/** Rows to judge: `first` is the index of the first of them among all. Lent. */
export interface Judged {
  readonly images: Tensor;
  readonly features?: Tensor2D;
  readonly logits?: Tensor2D;
  readonly labels?: Int32Array;
  readonly first: number;
}

/** Collects in float64 on the host. The result does not depend on the order or the split in which rows arrived (to 1e-10). */
export interface Accumulator {
  add(rows: Judged): Promise<void>;
  /** Everything collected so far, for another process to merge. */
  state(): Uint8Array;
  merge(state: Uint8Array): void;
  result(): Promise<MetricResult>;
}

export interface Metric {
  readonly kind: 'metric';
  readonly api: 1;
  readonly name: string;
  /** `labels` are the extractor's logits. A metric of the `model` judges the *reference* under it: no images are added. */
  readonly needs: 'images' | 'features' | 'labels' | 'model';
  /** BibTeX of the source. */
  readonly reference: string;
  start(context: MetricContext): Promise<Accumulator>;
}
