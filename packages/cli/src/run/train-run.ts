import { join } from 'node:path';
import { getBackend } from '@tensorflow/tfjs-core';
import {
  createParameters,
  stepsWithin,
  train,
  tweedieError,
  type Json,
  type Network,
  type Parameters,
  type Shards,
  type TrainOptions,
  type TrainState,
  type TrainStep,
} from '@tweedie/core';
import { DATA, FEED, LOSS, NETWORK, NOISE, OPTIMIZER, TRAINING, value, type Experiment } from '@tweedie/core/container';
import {
  encodeWeights,
  lockFolder,
  readState,
  readWeights,
  WEIGHTS,
  writeCheckpoint,
  writeFileAtomic,
  type Identity,
} from '@tweedie/core/node';
import type { ExperimentConfig, ExperimentInput } from '../config/experiment.ts';
import { composeExperiment, CONFIG, optimizerParts, PLUGINS, RATE } from '../experiment/compose.ts';
import { openPool, type Pool } from '../workers/pool.ts';
import { runningEngine } from '../workers/runtime.ts';
import { shardsOf } from '../workers/shards.ts';
import { worthwhile, type Workers } from '../workers/workers.ts';
import { divided } from './divided.ts';
import { createEssTable, type EssTable } from './ess-table.ts';
import { whileRunning } from './failure.ts';
import { openLog, readLog, type Log, type LogLine } from './log.ts';
import { gitOf, platform, versions } from './provenance.ts';
import { checkSameRun, findRun, SNAPSHOTS, writeConfig, writeRecord, type RunRecord } from './run-folder.ts';
import { snapshotFile, snapshotSteps } from './snapshots.ts';

/** What a run tells while it goes on. */
export type TrainEvent =
  | { readonly kind: 'notice'; readonly message: string }
  /** A time budget was counted into steps. */
  | { readonly kind: 'budget'; readonly seconds: number; readonly steps: number }
  | {
      readonly kind: 'start';
      readonly folder: string;
      readonly step: number;
      readonly steps: number;
      readonly data: string;
      readonly network: string;
      readonly parameters: number;
      readonly engine: string;
      readonly workers: number;
    }
  | ({ readonly kind: 'step'; readonly steps: number; readonly imagesPerSecond: number } & LogLine)
  | { readonly kind: 'checkpoint'; readonly step: number };

export interface TrainRunOptions {
  /** What is left out gets its default. */
  readonly config: ExperimentInput;
  /** The RUN folder. Made if it is not there; resumed if it holds a run of this very configuration. */
  readonly folder: string;
  readonly cwd?: string;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Aborting it saves the run after the current step. */
  readonly signal?: AbortSignal;
  /** An experiment composed already (of `config`): for overriding a part of it. */
  readonly experiment?: Experiment;
  /**
   * Workers that compute the parts of a step at once. Default 1: this process. A fresh run splits its batches so that they all have
   * something to do, and records it; a run that goes on keeps its parts and so its bits, whatever the number of workers.
   */
  readonly workers?: Workers;
}

export interface TrainRunResult {
  readonly status: 'finished' | 'interrupted';
  readonly folder: string;
  /** Steps done, and steps of the whole run. */
  readonly step: number;
  readonly steps: number;
  /** Where this sitting began: `steps` if there was nothing left to do. */
  readonly resumedFrom: number;
  /** Seconds of training, all sittings together. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** Mean loss of the last tenth of the run, at most 100 steps. */
  readonly loss: number | null;
  readonly parameters: number;
  readonly data: string;
  readonly network: string;
  readonly engine: string;
  readonly workers: number;
  readonly modelHash: string;
}

const CHECKPOINT_SECONDS = 30;
const LOG_SECONDS = 1;

/**
 * Trains into a RUN folder, or goes on with the run that is there: bit-equal to an uninterrupted run on `wasm` and `cpu`.
 *
 * Nothing is overwritten unless it belongs to this very run. An engine must have been selected. Errors: another configuration in
 * the folder (what differs), another process in it, a damaged checkpoint, a loss that is not finite (the last checkpoint stays).
 */
export const trainRun = async ({
  config,
  folder,
  cwd = process.cwd(),
  onEvent = () => undefined,
  signal,
  experiment: composed,
  workers: wished = 1,
}: TrainRunOptions): Promise<TrainRunResult> => {
  const unlock = await lockFolder(folder);
  let pool: Pool | undefined;
  try {
    const found = await findRun(folder);
    const notice = (message: string): void => onEvent({ kind: 'notice', message });
    const experiment = composed ?? (await composeExperiment(config, { cwd, logger: { info: notice, warn: notice } }));
    const wanted = experiment.get(CONFIG);
    const data = experiment.get(DATA);
    const sameData = found?.record === undefined || found.record.data === data.id;
    if (!sameData)
      throw tweedieError({
        subject: folder,
        problem: 'the run was started on other data',
        got: data.id,
        expected: found.record!.data,
        remedy: 'choose another folder, or restore the data; nothing was overwritten',
        code: 'OTHER_CONFIG',
      });
    if (found !== undefined) checkSameRun(folder, wanted, found.config, found.record !== undefined);

    const network = experiment.get(NETWORK);
    const identity: Identity = {
      config: (found?.config ?? wanted) as unknown as Identity['config'],
      seed: BigInt(wanted.seed),
      plugins: experiment.get(PLUGINS),
    };
    const state = await readState(folder, network, identity);
    if (state !== undefined && found?.record === undefined)
      throw tweedieError({
        subject: folder,
        problem: 'the folder holds a checkpoint, but no record.json',
        remedy: 'restore the file, or choose another folder; nothing was overwritten',
      });
    if (found?.record !== undefined && found.record.engine !== getBackend())
      notice(`the run was started on the engine ${found.record.engine} and goes on on ${getBackend()}: equal to rounding, not to the bit`);

    drainOf(experiment); // what does not fit together is refused before anything runs
    const { parts, workers } = divided({
      wished: worthwhile(wished, network.shape),
      engine: runningEngine(),
      training: wanted.training,
      record: found?.record,
      composed: composed !== undefined,
      notice,
    });
    const finished = state !== undefined && state.step >= found!.record!.steps;
    if (workers > 1 && !finished) pool = await whileRunning(() => openPool({ workers }));
    const split = experiment.scope(value(TRAINING, { ...experiment.get(TRAINING), accumulate: parts }));
    const shards = pool && shardsOf(pool, { config: wanted, cwd });
    const steps = found?.record?.steps ?? (await whileRunning(() => countSteps(split, wanted, folder, onEvent, signal, shards)));
    const begun: RunRecord = found?.record ?? {
      schema: 'tweedie/record@1',
      status: 'running',
      steps,
      step: 0,
      ...(wanted.training.seconds === undefined ? {} : { budgetSeconds: wanted.training.seconds }),
      seconds: 0,
      seed: wanted.seed,
      data: data.id,
      network: network.name,
      parameters: countOf(network),
      engine: getBackend(),
      parts,
      workers,
      plugins: experiment.get(PLUGINS),
      versions: versions(),
      platform: platform(),
      ...optional('git', await gitOf(cwd)),
      startedAt: new Date().toISOString(),
      resumedAt: [],
      config: wanted,
    };
    return await whileRunning(() =>
      sitting({
        folder,
        experiment: split.scope(...optimizerParts(wanted, steps)),
        identity,
        begun: { ...begun, workers },
        ...optional('shards', shards),
        state,
        onEvent,
        ...optional('signal', signal),
        fresh: found === undefined,
      }),
    );
  } finally {
    await pool?.close();
    await unlock();
  }
};

const optional = <K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T });

const countOf = ({ parameters }: Network): number =>
  parameters.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);

const interruptedBeforeStart = (folder: string): Error =>
  tweedieError({
    subject: folder,
    problem: 'interrupted before the first step; nothing was written',
    remedy: 'run the same command again',
    code: 'INTERRUPTED',
  });

type Drain = Omit<TrainOptions, 'parameters' | 'steps' | 'state'>;
const drainOf = (experiment: Experiment): Drain => {
  const { accumulate, emaDecay } = experiment.get(TRAINING);
  return {
    loss: experiment.get(LOSS),
    feed: experiment.get(FEED),
    optimizer: experiment.get(OPTIMIZER),
    noise: experiment.get(NOISE),
    ...optional('accumulate', accumulate),
    ...optional('emaDecay', emaDecay),
  };
};

/** Steps of the run: what the configuration says, or what fits into its time budget on this machine. */
const countSteps = async (
  experiment: Experiment,
  { training }: ExperimentConfig,
  folder: string,
  onEvent: (event: TrainEvent) => void,
  signal: AbortSignal | undefined,
  shards: Shards | undefined,
): Promise<number> => {
  if (training.steps !== undefined) return training.steps;
  const seconds = training.seconds!;
  onEvent({ kind: 'notice', message: `Timing a few steps, to see how many fit into ${seconds} s.` });
  const { parameters: specs, init } = experiment.get(NETWORK);
  const steps = await stepsWithin(seconds, { ...drainOf(experiment), ...optional('shards', shards) }, init(experiment.get(NOISE)), specs);
  await turn();
  if (signal?.aborted === true) throw interruptedBeforeStart(folder);
  onEvent({ kind: 'budget', seconds, steps });
  return steps;
};

interface Sitting {
  readonly folder: string;
  readonly experiment: Experiment;
  readonly identity: Identity;
  readonly begun: RunRecord;
  readonly state: TrainState | undefined;
  readonly fresh: boolean;
  readonly onEvent: (event: TrainEvent) => void;
  readonly signal?: AbortSignal;
  readonly shards?: Shards;
}

/** From where the run stands to its end, or to where it is interrupted. */
const sitting = async ({
  folder,
  experiment,
  identity,
  begun,
  state,
  fresh,
  onEvent,
  signal,
  shards,
}: Sitting): Promise<TrainRunResult> => {
  const { steps } = begun;
  const network = experiment.get(NETWORK);
  const from = state?.step ?? 0;
  const parameters = createParameters(network.parameters, network.init(experiment.get(NOISE)));
  try {
    if (state !== undefined && from >= steps) return await finishedAlready({ folder, begun, state, parameters, network, identity });
    if (fresh) await writeConfig(folder, experiment.get(CONFIG));
    let record: RunRecord = {
      ...begun,
      status: 'running',
      step: from,
      resumedAt: fresh ? [] : [...begun.resumedAt, new Date().toISOString()],
    };
    const { log, seconds: before } = await openLog(folder, from);
    record = { ...record, seconds: before };
    await writeRecord(folder, record);
    onEvent({
      kind: 'start',
      folder,
      step: from,
      steps,
      data: begun.data,
      network: begun.network,
      parameters: begun.parameters,
      engine: getBackend(),
      workers: begun.workers ?? 1,
    });
    const ess = createEssTable();
    const save = async (saved: TrainState, status: RunRecord['status'], seconds: number): Promise<void> => {
      await log.flush();
      ess.warnings().forEach((message) => onEvent({ kind: 'notice', message }));
      await writeCheckpoint(folder, saved, parameters, network, identity);
      record = {
        ...record,
        status,
        step: saved.step,
        seconds: rounded(seconds),
        ...(status === 'running' ? {} : { endedAt: new Date().toISOString() }),
        ...(ess.rows().length === 0 ? {} : { ess: [...ess.rows()] }),
      };
      if (status === 'finished') record = { ...record, modelHash: (await readWeights(join(folder, WEIGHTS))).modelHash };
      await writeRecord(folder, record);
      onEvent({ kind: 'checkpoint', step: saved.step });
    };
    const keep = async (state: TrainState): Promise<void> =>
      writeFileAtomic(
        join(folder, SNAPSHOTS, snapshotFile(state.step)),
        encodeWeights(state, parameters, network, identity, { half: true }),
      );
    try {
      const rest = { ...optional('signal', signal), ...optional('shards', shards) };
      const end = await drain({ experiment, parameters, state, steps, before, log, ess, save, keep, onEvent, ...rest });
      return await resultOf(folder, record, end, from, experiment.get(TRAINING).batchSize);
    } catch (error) {
      await log.flush();
      await writeRecord(folder, { ...record, status: 'failed', endedAt: new Date().toISOString() });
      throw withCheckpoint(error, record.step, folder);
    }
  } finally {
    parameters.dispose();
  }
};

interface Drained {
  readonly experiment: Experiment;
  readonly parameters: Parameters;
  readonly state: TrainState | undefined;
  readonly steps: number;
  /** Seconds of earlier sittings. */
  readonly before: number;
  readonly log: Log;
  readonly ess: EssTable;
  readonly save: (state: TrainState, status: RunRecord['status'], seconds: number) => Promise<void>;
  /** Keeps the weights of a step for good. */
  readonly keep: (state: TrainState) => Promise<void>;
  readonly onEvent: (event: TrainEvent) => void;
  readonly signal?: AbortSignal;
  readonly shards?: Shards;
}
interface End {
  readonly status: TrainRunResult['status'];
  readonly step: number;
  readonly seconds: number;
}

/** The loop itself: logs every step, saves now and then, stops where it is asked to. */
const drain = async ({
  experiment,
  parameters,
  state,
  steps,
  before,
  log,
  ess,
  save,
  keep,
  onEvent,
  signal,
  shards,
}: Drained): Promise<End> => {
  const { checkpointEvery, snapshots } = experiment.get(CONFIG).training;
  const kept = snapshotSteps(steps, snapshots ?? 0);
  const { batchSize } = experiment.get(TRAINING);
  const rate = experiment.get(RATE);
  const started = performance.now();
  const spent = (): number => before + (performance.now() - started) / 1000;
  const speed = speedometer(batchSize);
  let saved = performance.now();
  let flushed = saved;
  const run = train({ ...drainOf(experiment), parameters, steps, ...optional('state', state), ...optional('shards', shards) });
  try {
    for (;;) {
      const next = await run.next();
      if (next.done === true) {
        if (kept.has(steps)) await keep(next.value);
        await save(next.value, 'finished', spent());
        return { status: 'finished', step: next.value.step, seconds: spent() };
      }
      const done: TrainStep = next.value;
      const { step, loss, informative, gradientNorm } = done;
      if (done.ess !== undefined) ess.add(done.ess);
      const line: LogLine = {
        step,
        loss,
        ...optional('informative', informative),
        ...optional('ess', done.ess && meanOf(done.ess.values)),
        gradientNorm,
        rate: rate(step - 1),
        seconds: rounded(spent()),
      };
      log.add(line);
      onEvent({ kind: 'step', steps, imagesPerSecond: speed(), ...line });
      await turn();
      if (step === steps) continue;
      if (kept.has(step)) await keep(await done.state());
      if (signal?.aborted === true) {
        await save(await done.state(), 'interrupted', spent());
        return { status: 'interrupted', step, seconds: spent() };
      }
      const now = performance.now();
      if (checkpointEvery === undefined ? now - saved > CHECKPOINT_SECONDS * 1000 : step % checkpointEvery === 0) {
        await save(await done.state(), 'running', spent());
        saved = performance.now();
      } else if (now - flushed > LOG_SECONDS * 1000) {
        await log.flush();
        flushed = now;
      }
    }
  } finally {
    await run.return(undefined as never);
  }
};

/** A turn of the event loop: signals and timers are heard between steps, though no step waits for anything. */
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Images a second over about the last five seconds. */
const speedometer = (batchSize: number): (() => number) => {
  const marks: number[] = [performance.now()];
  return () => {
    const now = performance.now();
    marks.push(now);
    while (marks.length > 2 && now - marks[0]! > 5000) marks.shift();
    return (batchSize * (marks.length - 1) * 1000) / Math.max(1e-3, now - marks[0]!);
  };
};

const meanOf = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

const resultOf = async (
  folder: string,
  record: RunRecord,
  { status, step, seconds }: End,
  from: number,
  batchSize: number,
): Promise<TrainRunResult> => {
  const lines = await readLog(folder);
  const tail = lines.slice(-Math.max(1, Math.min(100, Math.ceil(lines.length / 10))));
  const { modelHash } = await readWeights(join(folder, WEIGHTS));
  return {
    status,
    folder,
    step,
    steps: record.steps,
    resumedFrom: from,
    seconds: rounded(seconds),
    imagesPerSecond: Math.round((10 * step * batchSize) / Math.max(1e-3, seconds)) / 10,
    loss: tail.length === 0 ? null : tail.reduce((sum, { loss }) => sum + loss, 0) / tail.length,
    parameters: record.parameters,
    data: record.data,
    network: record.network,
    engine: getBackend(),
    workers: record.workers ?? 1,
    modelHash,
  };
};

/** A run whose state is complete; its weights are written again if they were not. */
const finishedAlready = async ({
  folder,
  begun,
  state,
  parameters,
  network,
  identity,
}: {
  readonly folder: string;
  readonly begun: RunRecord;
  readonly state: TrainState;
  readonly parameters: Parameters;
  readonly network: Network;
  readonly identity: Identity;
}): Promise<TrainRunResult> => {
  if (begun.status !== 'finished') {
    await writeCheckpoint(folder, state, parameters, network, identity);
    const { modelHash } = await readWeights(join(folder, WEIGHTS));
    await writeRecord(folder, { ...begun, status: 'finished', step: state.step, endedAt: new Date().toISOString(), modelHash });
  }
  const batchSize = Number((begun.config as { readonly training?: { readonly batchSize?: Json } }).training?.batchSize ?? 0);
  const seconds = (await readLog(folder)).at(-1)?.seconds ?? begun.seconds;
  return resultOf(folder, begun, { status: 'finished', step: state.step, seconds }, state.step, batchSize);
};

const withCheckpoint = (error: unknown, step: number, folder: string): unknown => {
  if (error instanceof Error) {
    error.message +=
      step > 0 ? ` (the last good checkpoint, of step ${step}, is in ${folder})` : ` (no checkpoint had been written to ${folder})`;
  }
  return error;
};
