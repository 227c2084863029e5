import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { tweedieError, type Json } from '@tweedie/core';
import { canonicalJson, readJson, STATE, WEIGHTS, writeFileAtomic } from '@tweedie/core/node';
import { z } from 'zod';
import type { ExperimentConfig } from '../config/experiment.ts';

/** The files of a RUN folder, beside `weights.safetensors` and `state.safetensors`. */
export const CONFIG_FILE = 'config.json';
export const RECORD_FILE = 'record.json';
export const LOG_FILE = 'log.jsonl';
/** The folder of the weights that were kept on the way. */
export const SNAPSHOTS = 'snapshots';

/** What a run says of itself: `record.json`. */
export const runRecord = z.strictObject({
  schema: z.literal('tweedie/record@1'),
  status: z.enum(['running', 'interrupted', 'finished', 'failed']),
  /** Total steps; counted from the time budget once. */
  steps: z.int().min(1),
  /** Steps done at the last checkpoint. */
  step: z.int().min(0),
  /** The time budget that `steps` was counted from. */
  budgetSeconds: z.number().optional(),
  /** Seconds of training so far, all sittings together. */
  seconds: z.number(),
  seed: z.int(),
  data: z.string(),
  network: z.string(),
  parameters: z.int(),
  engine: z.string(),
  /** Equal parts that the batch of a step is computed in and averaged over: they decide the bits. Without it `training.accumulate`. */
  parts: z.int().min(1).optional(),
  /** Workers of the last sitting. */
  workers: z.int().min(1).optional(),
  plugins: z.record(z.string(), z.string()),
  versions: z.record(z.string(), z.string()),
  platform: z.string(),
  git: z.strictObject({ commit: z.string(), changed: z.boolean() }).optional(),
  startedAt: z.string(),
  resumedAt: z.array(z.string()),
  endedAt: z.string().optional(),
  modelHash: z.string().optional(),
  /** What the targets of this sitting were made of, where the objective says so: effective sample size by class (−1: none) and noise level. */
  ess: z.array(z.strictObject({ class: z.int(), from: z.number(), to: z.number(), mean: z.number(), rows: z.int() })).optional(),
  config: z.record(z.string(), z.unknown()),
});
export type RunRecord = z.infer<typeof runRecord>;

/** What a folder holds of a run. */
export interface FoundRun {
  readonly config: ExperimentConfig;
  readonly record: RunRecord | undefined;
}

/** Reads a run's configuration and record; undefined where there is no run yet. Refuses a folder that holds weights without a configuration. */
export const findRun = async (folder: string): Promise<FoundRun | undefined> => {
  if (!existsSync(join(folder, CONFIG_FILE))) {
    const strays = existsSync(folder)
      ? (await readdir(folder)).filter((name) => [STATE, WEIGHTS, RECORD_FILE, LOG_FILE].includes(name))
      : [];
    if (strays.length === 0) return undefined;
    throw tweedieError({
      subject: folder,
      problem: `the folder holds ${strays.join(', ')}, but no ${CONFIG_FILE}`,
      remedy: 'choose another folder, or restore the file; nothing was overwritten',
    });
  }
  const config = (await readJson(join(folder, CONFIG_FILE))) as ExperimentConfig;
  return { config, record: await readRecord(folder) };
};

export const readRecord = async (folder: string): Promise<RunRecord | undefined> => {
  const path = join(folder, RECORD_FILE);
  if (!existsSync(path)) return undefined;
  const result = runRecord.safeParse(await readJson(path));
  if (result.success) return result.data;
  const { path: at, message } = result.error.issues[0]!;
  throw tweedieError({
    subject: path,
    problem: 'this is no record of a run',
    got: `${at.map(String).join('.')}: ${message}`,
    remedy: 'restore the file, or choose another folder; nothing was overwritten',
  });
};

export const writeRecord = (folder: string, record: RunRecord): Promise<void> =>
  writeFileAtomic(join(folder, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
export const writeConfig = (folder: string, config: ExperimentConfig): Promise<void> =>
  writeFileAtomic(join(folder, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);

/**
 * Refuses to go on with a run under another configuration, and says what differs. How often a checkpoint is written may differ;
 * so may where equal data (by id) are read from.
 */
export const checkSameRun = (folder: string, wanted: ExperimentConfig, found: ExperimentConfig, sameData: boolean): void => {
  const differences = differencesOf(comparable(found, sameData), comparable(wanted, sameData));
  if (differences.length === 0) return;
  throw tweedieError({
    subject: folder,
    problem: `the run was started with another configuration: ${differences.slice(0, 8).join(', ')}${differences.length > 8 ? ` and ${differences.length - 8} more` : ''}`,
    remedy: 'choose another folder, or give the same configuration to resume; nothing was overwritten',
    code: 'OTHER_CONFIG',
  });
};

const comparable = ({ data, training, ...rest }: ExperimentConfig, sameData: boolean): Json => {
  const { checkpointEvery: _, ...numbers } = training;
  return JSON.parse(JSON.stringify({ ...rest, training: numbers, data: sameData ? data.use : data })) as Json;
};

/** `training.batchSize: 64 → 32` for every leaf that differs. */
const differencesOf = (found: Json, wanted: Json, path = ''): string[] => {
  if (found !== undefined && wanted !== undefined && canonicalJson(found) === canonicalJson(wanted)) return [];
  if (isObject(found) && isObject(wanted)) {
    const keys = new Set([...Object.keys(found), ...Object.keys(wanted)]);
    return [...keys].flatMap((key) => differencesOf(found[key] as Json, wanted[key] as Json, path === '' ? key : `${path}.${key}`));
  }
  const show = (value: Json | undefined): string => (value === undefined ? 'nothing' : JSON.stringify(value));
  return [`${path}: ${show(found)} → ${show(wanted)}`];
};

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
