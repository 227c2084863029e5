import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openRun, prepareJudging, sampleRun, type ExperimentConfig, type ExperimentInput, type Judging } from '@tweedie/cli';
import { tweedieError, type Json } from '@tweedie/core';
import type { Lab } from './claim.ts';

/** A model that images are drawn from: a RUN folder or a weights file. Its hash stands in every key. */
export interface Subject {
  readonly path: string;
  readonly modelHash: string;
  readonly config: ExperimentConfig;
}

export const subjectOf = async (path: string): Promise<Subject> => {
  const { config, weights } = await openRun(path);
  return { path, modelHash: weights.modelHash, config };
};

/** The digits model that ships with examples/digits: class-conditional, and unconditional where no class is asked for. */
export const shippedDigits = async ({ root }: Pick<Lab, 'root'>): Promise<Subject> => {
  const path = join(root, 'examples/digits/weights/digits.safetensors');
  if (!existsSync(path))
    throw tweedieError({
      subject: path,
      problem: 'the digits model is missing',
      remedy: 'restore it, or train it: see examples/digits/README.md',
    });
  return subjectOf(path);
};

export interface Drawn {
  readonly subject: Subject;
  /** As a configuration names it; statistics files by their path. */
  readonly sampler: ExperimentInput['sampler'] & { readonly use: string };
  readonly steps: number;
  /** Default: Karras's from 80 to .002, then 0 where the sampler can. */
  readonly levels?: ExperimentInput['levels'];
  readonly n: number;
  readonly seed: number;
  /** Class of image i is `labels[i mod length]`, −1 for none. Default: none. */
  readonly labels?: readonly number[];
  /** Hashes of statistics files that the sampler reads: their paths say nothing. */
  readonly files?: { readonly [name: string]: string };
}

/** Drawn images [n, …shape], and what they cost. */
export interface Images {
  readonly images: Float32Array;
  readonly shape: readonly number[];
  /** Network calls of an image. */
  readonly nfe: number;
  readonly seconds: number;
}

/** What a set of images is worth. */
export interface Quality {
  /** Network calls of an image, counted. */
  readonly nfe: number;
  /** FD-<extractor> from the test split at this n. */
  readonly fd: number;
  readonly interval: readonly [number, number] | null;
  /** The same of real images against real ones. */
  readonly floor: number | null;
  /** The distance without each of 16 groups of images: two cells of one seed are compared by `pairedDifference` of metrics. */
  readonly leftOut: readonly number[] | null;
  readonly extractor: string;
  /** Of sampling. */
  readonly seconds: number;
}

const judgings = new Map<string, Promise<Judging>>();

/** Draws and judges; one cell. Equal seeds begin with equal noise, whatever the sampler. */
export const quality = (lab: Lab, drawn: Drawn): Promise<Quality> => {
  const { subject, sampler, steps, levels = {}, n, seed, labels = [-1], files = {} } = drawn;
  const how = {
    sampler: sampler as { [name: string]: Json },
    steps,
    levels: levels as { [name: string]: Json },
    n,
    seed,
    labels: [...labels],
    files: { ...files },
  };
  return judged(lab, subject, how, () => draw(lab, drawn));
};

/** What a set of images that somebody else draws is worth; one cell, whose key is the model and `how` they are drawn. */
export const judged = (
  lab: Lab,
  subject: Subject,
  how: { readonly [name: string]: Json },
  images: () => Promise<Images>,
): Promise<Quality> => {
  const key = { kind: 'fd', model: subject.modelHash, data: subject.config.data.use, ...how };
  return lab.cell(key, async () => {
    const { images: rows, nfe, seconds, shape } = await images();
    const use = subject.config.data.use;
    if (!judgings.has(use)) judgings.set(use, prepareJudging({ ...subject.config, seed: 0 }, lab.root));
    const { value, interval, floor, leftOut, details } = await (await judgings.get(use)!).judge({ images: rows, shape });
    return {
      nfe,
      fd: round(value),
      interval: interval === undefined ? null : ([round(interval[0]), round(interval[1])] as const),
      floor: floor === undefined ? null : round(floor),
      leftOut: leftOut === undefined ? null : leftOut.map((each) => round(each, 8)),
      extractor: String(details['extractor']),
      seconds: round(seconds),
    };
  }) as unknown as Promise<Quality>;
};

/** Draws: `images` [n, …shape]. Not a cell by itself. */
export const draw = async (lab: Lab, { subject, sampler, steps, levels, n, seed, labels = [-1] }: Drawn) => {
  const pool = await lab.pool();
  return sampleRun({
    run: subject.path,
    count: n,
    sampler,
    steps,
    ...(levels === undefined ? {} : { levels }),
    seed,
    ...(subject.config.network['classes'] === 0 ? {} : { labels }),
    batchSize: 100,
    ...(pool === undefined ? {} : { pool }),
    ...(lab.signal === undefined ? {} : { signal: lab.signal }),
    cwd: lab.root,
  });
};

/** Five significant digits, or as many as are asked for. */
export const round = (value: number, digits = 5): number => Number(value.toPrecision(digits));
