import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { getBackend } from '@tensorflow/tfjs-core';
import { isTweedieError, tweedieError, type Json, type Model, type Noise, type Plan } from '@tweedie/core';
import { canonicalJson, sha256, writeFileAtomic } from '@tweedie/core/node';
import { z } from 'zod';
import { resolveSection, type Made, type MethodConfig } from '../experiment/methods.ts';
import { drawingOf, type DrawJob } from '../run/drawing.ts';
import { drawImages } from '../run/over-images.ts';
import type { Pool } from '../workers/pool.ts';
import { toBytes } from '../pictures/index.ts';
import type { Judging } from './judging.ts';

const interval = z.tuple([z.number(), z.number()]);

/** One cell: what a sampler drew within a number of network calls, judged. A file under `compare/cells`. */
export const cellSchema = z.strictObject({
  schema: z.literal('tweedie/compare-cell@1'),
  /** SHA-256 of `key`: everything that decides the numbers. */
  hash: z.string(),
  key: z.record(z.string(), z.unknown()),
  steps: z.int(),
  /** Network evaluations of an image, counted. */
  nfe: z.number(),
  notes: z.array(z.string()),
  seconds: z.strictObject({ sampling: z.number(), judging: z.number() }),
  engine: z.string(),
  /** SHA-256 of the first rows that the first step began with: equal for samplers on equal noise. */
  start: z.string(),
  result: z
    .strictObject({
      name: z.string(),
      value: z.number(),
      n: z.int(),
      interval: interval.optional(),
      floor: z.number().optional(),
      details: z.record(z.string(), z.union([z.number(), z.string()])),
      leftOut: z.array(z.number()).optional(),
    })
    .optional(),
  failure: z.string().optional(),
  /** The first images: bytes of pictures, float32 of points; base64. */
  images: z.strictObject({ shape: z.array(z.int()), type: z.enum(['uint8', 'float32']), data: z.string() }).optional(),
});
export type Cell = z.infer<typeof cellSchema>;

export interface CellTask {
  readonly sampler: Made<'sampler'>;
  readonly plan: Plan;
  /** Hashes of the statistics files that the sampler reads, by path. */
  readonly files: Readonly<Record<string, string>>;
}

/** What all cells of a comparison share. */
export interface Bench {
  readonly modelHash: string;
  readonly n: number;
  readonly seed: number;
  readonly guidance: number;
  readonly judging: Judging;
}

export interface KeyedTask extends CellTask {
  readonly key: { readonly [name: string]: Json };
  readonly hash: string;
}

/** Everything that decides a cell's numbers: the model, the sampler whole, levels and coefficients, noise, guidance, metric and real data. */
export const keyed = (task: CellTask, { modelHash, n, seed, guidance, judging }: Bench): KeyedTask => {
  const { config, packageName, version } = task.sampler;
  const key = {
    model: modelHash,
    sampler: config,
    from: `${packageName}@${version}`,
    files: task.files,
    schedule: task.plan.schedule.id,
    levels: [...task.plan.levels],
    steps: task.plan.steps as readonly Json[],
    n,
    seed,
    guidance,
    metric: judging.metric,
    metricFrom: judging.from,
    reference: judging.reference.id,
    extractor: judging.extractor?.id ?? null,
  };
  return { ...task, key, hash: sha256(canonicalJson(key as Json)) };
};

/** The statistics that a sampler, or the sampler within it, reads from a file: its path says nothing of what is in it. */
export const filesOf = async (config: MethodConfig, cwd: string): Promise<Readonly<Record<string, string>>> => {
  const {
    provision: { statistics, parts = {} },
  } = await resolveSection('sampler', config.use, cwd);
  const path = statistics?.option === undefined ? undefined : config[statistics.option];
  const own = typeof path === 'string' ? { [path]: sha256(await readFile(resolve(cwd, path))) } : {};
  const within = await Promise.all(
    Object.entries(parts).flatMap(([option, kind]) => {
      const part = config[option];
      if (kind !== 'sampler' || typeof part !== 'object' || part === null) return [];
      return [filesOf(part as MethodConfig, cwd)];
    }),
  );
  return Object.assign({}, own, ...within) as Record<string, string>;
};

const pathOf = (folder: string, hash: string): string => join(folder, `${hash}.json`);

/** The cell of this very key, if it was finished. A file that is no cell is no obstacle: it is made anew. */
export const readCell = async (folder: string, { hash }: KeyedTask): Promise<Cell | undefined> => {
  const text = await readFile(pathOf(folder, hash), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const cell = cellSchema.parse(JSON.parse(text));
    return cell.hash === hash ? cell : undefined;
  } catch {
    return undefined;
  }
};

export interface MakeCellOptions {
  readonly folder: string;
  readonly bench: Bench;
  readonly model: Model;
  readonly noise: Noise;
  /** What workers open again. */
  readonly from: Pick<DrawJob, 'run' | 'cwd' | 'config'>;
  readonly pool?: Pool | undefined;
  readonly signal?: AbortSignal;
  readonly onStep?: () => void;
}

/** Images a network call; the same for every sampler. */
export const BATCH = 64;

/** What says nothing of a sampler: it ends the comparison. */
const OURS: readonly string[] = ['INTERRUPTED', 'OUT_OF_MEMORY', 'WORKER'];

/** Images of a cell that are kept to be shown. */
const SHOWN = 16;

/** Draws, judges and writes. What cannot be drawn or judged is a cell too, which says why. */
export const makeCell = async (
  task: KeyedTask,
  { folder, bench, model, noise, from, pool, signal, onStep }: MakeCellOptions,
): Promise<Cell> => {
  const { n, guidance, judging } = bench;
  const labels = model.classes === 0 ? undefined : Array.from({ length: model.classes }, (_, k) => k);
  const { it: sampler, config } = task.sampler;
  const chosen = { guidance, ...(labels === undefined ? {} : { labels }) };
  const drawing = drawingOf({ sampler, plan: task.plan, denoiser: model, noise, ...chosen });
  const said: { result?: Cell['result']; failure?: string } = {};
  let [images, start, calls] = [new Float32Array(), '', 0] as [Float32Array, string, number];
  const began = performance.now();
  let sampled = began;
  try {
    const drawn = await drawImages({
      drawing,
      job: { ...from, modelHash: bench.modelHash, sampler: config, levels: task.plan.levels, ...chosen },
      count: n,
      batchSize: BATCH,
      pool,
      workers: 1, // batches are cut alike, whoever draws them: what couples them couples the same images
      start: SHOWN,
      onStep: () => {
        onStep?.();
        if (signal?.aborted === true) throw tweedieError({ subject: 'compare', problem: 'interrupted', code: 'INTERRUPTED' });
      },
    });
    ({ images, calls } = drawn);
    start = sha256(new Uint8Array(drawn.start.buffer, drawn.start.byteOffset, drawn.start.byteLength)).slice(0, 16);
    sampled = performance.now();
    const {
      leftOut,
      interval: range,
      floor,
      ...result
    } = await judging.judge(
      {
        images,
        shape: model.shape,
        ...(drawing.label === undefined ? {} : { labels: Int32Array.from({ length: n }, (_, i) => drawing.label!(i)) }),
      },
      pool,
    );
    said.result = {
      ...result,
      details: { ...result.details },
      ...(range === undefined ? {} : { interval: [...range] as [number, number] }),
      ...(floor === undefined ? {} : { floor }),
      ...(leftOut === undefined ? {} : { leftOut: [...leftOut] }),
    };
  } catch (error) {
    if (!isTweedieError(error) || OURS.includes(error.complaint.code ?? '')) throw error;
    said.failure = error.message;
    if (sampled === began) sampled = performance.now();
  }
  const cell: Cell = {
    schema: 'tweedie/compare-cell@1',
    hash: task.hash,
    key: task.key,
    steps: task.plan.steps.length,
    nfe: calls,
    notes: [...task.plan.notes],
    seconds: { sampling: seconds(sampled - began), judging: seconds(performance.now() - sampled) },
    engine: getBackend(),
    start,
    ...said,
    ...shownOf(images, model.shape, n),
  };
  await writeFileAtomic(pathOf(folder, task.hash), `${JSON.stringify(cell)}\n`);
  return cell;
};

const seconds = (milliseconds: number): number => Math.round(milliseconds) / 1000;

const shownOf = (images: Float32Array, shape: readonly number[], n: number): Pick<Cell, 'images'> => {
  if (images.length === 0 || !images.every(Number.isFinite)) return {};
  if (shape.length === 3) {
    const kept = images.slice(0, Math.min(SHOWN, n) * shape[0]! * shape[1]! * shape[2]!);
    return { images: { shape: [...shape], type: 'uint8', data: Buffer.from(toBytes(kept)).toString('base64') } };
  }
  if (shape.join() !== '2') return {};
  const { buffer, byteOffset, byteLength } = images.subarray(0, 2 * Math.min(512, n));
  return { images: { shape: [2], type: 'float32', data: Buffer.from(buffer, byteOffset, byteLength).toString('base64') } };
};

/** The first images of a cell, as bytes or as points. */
export const shownImages = ({ images }: Cell): Uint8Array | Float32Array | undefined => {
  if (images === undefined) return undefined;
  const bytes = Uint8Array.from(Buffer.from(images.data, 'base64'));
  return images.type === 'uint8' ? bytes : new Float32Array(bytes.buffer);
};
