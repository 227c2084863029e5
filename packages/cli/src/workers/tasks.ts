import type { BatchPart, PartGradient } from '@tweedie/core';
import type { ExperimentConfig } from '../config/experiment.ts';
import type { ExtractorSource } from '../judge/extractors.ts';
import type { MeasureTask } from '../machine/measure-task.ts';
import type { Drawn, DrawJob, DrawPart } from '../run/drawing.ts';

/** What workers are asked for, by name: all of it can be cloned. */
export interface Tasks {
  /** Nothing: the worker is there, and its engine runs. */
  readonly start: { readonly task: Record<string, never>; readonly result: null };
  /** Some of the images of a run. Reports every step. */
  readonly draw: { readonly task: { readonly job: DrawJob; readonly part: DrawPart }; readonly result: Drawn };
  /** Loss and gradient of some of the rows of a training step. */
  readonly gradient: { readonly task: GradientTask; readonly result: PartGradient };
  /** Features or logits of some images. */
  readonly extract: { readonly task: ExtractTask; readonly result: Float32Array };
  /** How fast so many workers are, in a process of its own. */
  readonly measure: { readonly task: MeasureTask; readonly result: number };
}

export interface GradientTask {
  readonly config: ExperimentConfig;
  readonly cwd: string;
  readonly step: number;
  readonly part: BatchPart;
  readonly weights: Float32Array;
  /** Shared memory that the gradient is written to; the result's is empty then. */
  readonly into?: Float32Array;
}

export interface ExtractTask {
  /** Its id: another is refused. */
  readonly extractor: string;
  /** What it is loaded from. */
  readonly source: ExtractorSource;
  readonly output: 'features' | 'logits';
  readonly images: Float32Array;
  readonly shape: readonly number[];
}

export type TaskName = keyof Tasks;

/** Does one kind of task; what it needs is loaded when it is first asked for. */
export type Handler<K extends TaskName> = (task: Tasks[K]['task'], report: () => void) => Promise<Tasks[K]['result']>;
