import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { tweedieError } from '@tweedie/core';
import { readBytes, readWeights, writeFileAtomic } from '@tweedie/core/node';
import { readLog } from './log.ts';
import { findRun, SNAPSHOTS, type RunRecord } from './run-folder.ts';
import { snapshotFile, stepOfSnapshot } from './snapshots.ts';
import { thinned } from './thinned.ts';

export interface ShipOptions {
  /** A RUN folder whose configuration keeps snapshots. */
  readonly run: string;
  /** Where the files go. */
  readonly folder: string;
  /** What they are called: `name.safetensors` and so on. */
  readonly name: string;
  /** Steps of snapshots that go with the weights: those that the run has come past. */
  readonly snapshots?: readonly number[];
}

export interface ShippedRun {
  /** Step of the weights: the last, or that of the newest snapshot where the run is still going on. */
  readonly step: number;
  readonly modelHash: string;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
}

/**
 * Copies what a run is known by into a folder that can be published: `name.safetensors`, its newest snapshot (the moving average in half
 * precision; configuration and hash inside, so that it opens as a run of its own); `name-step-N.safetensors` for older ones;
 * `name.log.jsonl`, the log, thinned; `name.record.json`, the record, with step and hash of the weights beside it.
 *
 * Errors: no run, no snapshots, one that was asked for and is gone, a configuration that names places of this machine.
 */
export const shipRun = async ({ run, folder, name, snapshots = [] }: ShipOptions): Promise<ShippedRun> => {
  const record = (await findRun(run))?.record;
  if (record === undefined)
    throw tweedieError({ subject: run, problem: 'there is no run to ship', remedy: 'train one with `tweedie train`, or check the path' });
  refusePlaces(run, record.config);
  const kept = await stepsKept(run);
  const step = kept.at(-1);
  if (step === undefined)
    throw tweedieError({ subject: run, problem: 'the run keeps no snapshots', remedy: 'train it with `training.snapshots`' });
  const gone = snapshots.find((wanted) => wanted < step && !kept.includes(wanted));
  if (gone !== undefined)
    throw tweedieError({ subject: run, problem: 'the run has no snapshot of this step', got: gone, expected: kept.join(', ') });

  const files: { path: string; bytes: number }[] = [];
  const write = async (file: string, content: Uint8Array | string): Promise<void> => {
    const path = join(folder, file);
    await writeFileAtomic(path, content);
    files.push({ path, bytes: Buffer.byteLength(content) });
  };
  const snapshot = (of: number): string => join(run, SNAPSHOTS, snapshotFile(of));
  const { modelHash } = await readWeights(snapshot(step));
  await write(`${name}.safetensors`, await readBytes(snapshot(step)));
  for (const older of snapshots.filter((wanted) => wanted < step))
    await write(`${name}-step-${older}.safetensors`, await readBytes(snapshot(older)));
  const log = thinned((await readLog(run)).filter((line) => line.step <= step));
  await write(`${name}.log.jsonl`, log.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const shipped: RunRecord = { ...record, step, modelHash };
  await write(`${name}.record.json`, `${JSON.stringify(shipped, null, 2)}\n`);
  return { step, modelHash, files };
};

/** Steps whose snapshots are there, in order. */
const stepsKept = async (run: string): Promise<readonly number[]> => {
  const folder = join(run, SNAPSHOTS);
  if (!existsSync(folder)) return [];
  return (await readdir(folder)).flatMap((file) => stepOfSnapshot(file) ?? []).sort((a, b) => a - b);
};

/** A path in a configuration says where somebody's files lie, and is of no use to anybody else. */
const refusePlaces = (subject: string, config: unknown, path = 'config'): void => {
  if (typeof config === 'string' && isAbsolute(config))
    throw tweedieError({
      subject,
      problem: `${path}: the configuration names a place of this machine`,
      got: config,
      remedy: 'train with relative paths, or with the default cache',
    });
  if (typeof config === 'object' && config !== null)
    Object.entries(config).forEach(([key, each]) => refusePlaces(subject, each, `${path}.${key}`));
};
