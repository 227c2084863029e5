import { join, relative } from 'node:path';
import { existsSync } from 'node:fs';
import { medianOf, readLog, sampleRun, trainRun, type ExperimentInput } from '@tweedie/cli';
import { isTweedieError, tweedieError, type Json } from '@tweedie/core';
import { canonicalJson, sha256 } from '@tweedie/core/node';
import { fetchDataset, type FetchableName } from '@tweedie/data';
import type { Lab } from './claim.ts';
import { round } from './digits.ts';

/** A run small enough to be trained by a study. The configuration decides everything: it is the key of its cells. */
export interface SmallRun {
  readonly config: ExperimentInput & {
    readonly data: { readonly use: FetchableName; readonly split: 'train' };
    readonly training: { readonly steps: number; readonly batchSize: number; readonly snapshots: number };
    readonly seed: number;
  };
}

/** What a training came to. */
export interface Training {
  /** Mean loss of the last tenth. */
  readonly loss: number;
  /** Median of the last half. */
  readonly gradientNorm: number;
  /** Processor time of the median step; null where the training was there already. */
  readonly milliseconds: number | null;
  /** Step at which the loss was no longer finite; null where it always was. */
  readonly diverged: number | null;
}

export const configKey = ({ config }: SmallRun): { readonly [name: string]: Json } =>
  config as unknown as { readonly [name: string]: Json };

/** Where a run's weights are kept. */
const folderOf = (lab: Lab, run: SmallRun): string => join(lab.folder, sha256(canonicalJson(configKey(run))).slice(0, 16));

/** Steps whose weights are kept, first to last: the whole run, half of it, a quarter … */
export const checkpointsOf = ({ config: { training } }: SmallRun): readonly number[] =>
  Array.from({ length: training.snapshots }, (_, k) => Math.floor(training.steps / 2 ** k)).reverse();

/** Trains a run, or goes on with one that was left. `onStep` hears of the processor time of each step. Returns the folder of its weights. */
const trained = async (lab: Lab, run: SmallRun, onStep: (milliseconds: number) => void = () => undefined): Promise<string> => {
  const folder = folderOf(lab, run);
  await fetchDataset(run.config.data.use);
  let before = process.cpuUsage();
  const { status } = await trainRun({
    config: run.config,
    folder,
    cwd: lab.root,
    ...(lab.signal === undefined ? {} : { signal: lab.signal }),
    onEvent: (event) => {
      if (event.kind !== 'step') return;
      const { user, system } = process.cpuUsage(before);
      before = process.cpuUsage();
      onStep((user + system) / 1000);
    },
  });
  if (status === 'interrupted')
    throw tweedieError({ subject: 'claims', problem: 'interrupted; a training goes on where it was', code: 'INTERRUPTED' });
  return folder;
};

/** The cell of a training. Its weights are in the laboratory afterwards. */
export const training = (lab: Lab, run: SmallRun): Promise<Training> =>
  lab.cell({ kind: 'training', config: configKey(run) }, async () => {
    const times: number[] = [];
    let diverged: number | null = null;
    await trained(lab, run, (milliseconds) => times.push(milliseconds)).catch((error: unknown) => {
      if (!isTweedieError(error) || error.complaint.code !== 'NON_FINITE') throw error;
      diverged = Number(/step (\d+)/.exec(error.message)?.[1] ?? 0);
    });
    const log = await readLog(folderOf(lab, run));
    const last = log.slice(-Math.max(1, Math.floor(log.length / 10)));
    return {
      loss: log.length === 0 ? 0 : round(last.reduce((sum, { loss }) => sum + loss, 0) / last.length),
      gradientNorm: log.length === 0 ? 0 : round(medianOf(log.slice(log.length >> 1).map(({ gradientNorm }) => gradientNorm))),
      milliseconds: times.length === 0 ? null : round(medianOf(times), 4),
      diverged,
    };
  }) as unknown as Promise<Training>;

/** The weights of one kept step, trained first where they are not there. */
export const weightsOf = async (lab: Lab, run: SmallRun, step: number): Promise<string> => {
  const file = join(folderOf(lab, run), 'snapshots', `step-${String(step).padStart(8, '0')}.safetensors`);
  if (!existsSync(file)) await trained(lab, run);
  return relative(lab.root, file);
};

export interface DrawnFrom {
  readonly run: SmallRun;
  readonly step: number;
  readonly n: number;
  /** Network calls of an image; DPM-Solver++ (2M). */
  readonly calls: number;
  readonly seed: number;
}

/** Images of a run after so many steps, [n, …shape]; classes in turn where it has some. Equal seeds begin with equal noise. */
export const drawFrom = async (lab: Lab, { run, step, n, calls, seed }: DrawnFrom) => {
  const pool = await lab.pool();
  return sampleRun({
    run: await weightsOf(lab, run, step),
    count: n,
    sampler: { use: 'dpmpp-2m' },
    steps: calls,
    seed,
    batchSize: 100,
    ...(pool === undefined ? {} : { pool }),
    ...(lab.signal === undefined ? {} : { signal: lab.signal }),
    cwd: lab.root,
  });
};
