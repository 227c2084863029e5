import { join } from 'node:path';
import { getBackend } from '@tensorflow/tfjs-core';
import { composeExperiment, CONFIG, PLUGINS, type ExperimentConfig, type ExperimentInput } from '@tweedie/cli';
import * as core from '@tweedie/core';
import * as part from '@tweedie/core/container';
import { canonicalJson, modelHash, readBytes, readJson, sha256, writeFileAtomic } from '@tweedie/core/node';
import { median } from './statistics.ts';
import type { Judge, Judgement, Problem } from './problems.ts';

/** What is tried: an objective with its options, or a pair of them with another head. */
export interface Contestant {
  readonly name: string;
  readonly objective: { readonly use: string; readonly [option: string]: core.Json };
  /** What the network's output means, where it is not what the problem says. */
  readonly preconditioner?: string;
  /** Whether the weights themselves are kept along the way. */
  readonly keepsWeights?: boolean;
}

/** An objective, a seed, a length: what one cell of the table is made from. */
export interface Task {
  readonly problem: Problem;
  readonly contestant: Contestant;
  readonly seed: number;
  readonly steps: number;
}

interface Checkpoint extends Partial<Judgement> {
  readonly step: number;
  /** Why what was drawn could not be judged. */
  readonly failure?: string;
}

/** One cell: everything that the report says of it. Its arrays lie beside it, in a file of the same name. */
export interface Cell {
  readonly schema: 1;
  readonly name: string;
  readonly seed: number;
  readonly steps: number;
  /** Of the settings: a cell of other settings is made anew. */
  readonly hash: string;
  readonly config: ExperimentConfig;
  /** Versions of the packages that the methods came from. */
  readonly plugins: Readonly<Record<string, string>>;
  readonly derivatives: 1 | 2;
  readonly engine: string;
  /** Of the weights that training began with: equal for equal seeds. */
  readonly initial: string;
  readonly parameters: number;
  /** Of every step. */
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly seconds: { readonly training: number; readonly judging: number };
  /** Of the processor for the median step: whatever else runs on the machine costs time, but not this. */
  readonly milliseconds?: number;
  readonly checkpoints: readonly Checkpoint[];
  readonly failure?: { readonly kind: 'diverged' | 'refused'; readonly step: number; readonly message: string };
  /** Steps whose weights are kept. */
  readonly kept: readonly number[];
}

/** Times that a run is judged: quality over training. */
const CHECKPOINTS = 5;

const settingsOf = ({ problem, contestant, seed, steps }: Task): ExperimentInput => {
  const { preconditioner, ...rest } = problem.config(steps);
  return {
    ...rest,
    preconditioner: contestant.preconditioner === undefined ? preconditioner : { use: contestant.preconditioner },
    objective: { ...problem.noise, ...contestant.objective },
    seed,
  };
};

/** Of everything that decides a cell's numbers. */
const hashOf = (task: Task): string => {
  const { count } = task.problem;
  return sha256(canonicalJson({ schema: 1, count, checkpoints: CHECKPOINTS, settings: settingsOf(task) as core.Json })).slice(0, 16);
};

const pathOf = (folder: string, { name, seed }: Pick<Cell, 'name' | 'seed'>): string => join(folder, `${name}-${seed}`);
const placeOf = (folder: string, { contestant: { name }, seed }: Task): string => pathOf(folder, { name, seed });

/** The finished cell of a task, if there is one of these very settings. */
export const readCell = async (folder: string, task: Task): Promise<Cell | undefined> => {
  const cell = (await readJson(`${placeOf(folder, task)}.json`).catch(() => undefined)) as Cell | undefined;
  return cell?.schema === 1 && cell.hash === hashOf(task) ? cell : undefined;
};

/** What was drawn in the end, or the weights after a step that was kept. */
export const readArray = async (folder: string, cell: Pick<Cell, 'name' | 'seed'>, name: string): Promise<Float32Array> => {
  const path = `${pathOf(folder, cell)}.safetensors`;
  return core.decodeSafetensors(await readBytes(path), path).tensors[name]!.data as Float32Array;
};

/** Trains, and judges the moving average at every checkpoint. A loss that is not finite, or a refusal, ends the cell and is part of it. */
export const makeCell = async (folder: string, task: Task, judge: Judge): Promise<Cell> => {
  const { problem, contestant, seed, steps } = task;
  const experiment = await composeExperiment(settingsOf(task));
  const { get } = experiment;
  const [network, noise, objective] = [get(part.NETWORK), get(part.NOISE), get(part.OBJECTIVE)];
  const initial = network.init(noise);
  const parameters = core.createParameters(network.parameters, initial);
  const milestones = checkpointSteps(steps);
  const kept = contestant.keepsWeights === true ? twinSteps(steps) : [];
  const arrays: Record<string, core.StoredTensor> = {};
  const losses: number[] = [];
  const gradientNorms: number[] = [];
  const times: number[] = [];
  const checkpoints: Checkpoint[] = [];
  let [training, judging] = [0, 0];
  let failure: Cell['failure'];

  try {
    const run = core.train({
      parameters,
      loss: get(part.LOSS),
      feed: get(part.FEED),
      optimizer: get(part.OPTIMIZER),
      noise,
      steps,
      ...get(part.TRAINING),
    });
    for (;;) {
      const [start, before] = [performance.now(), process.cpuUsage()];
      const { done, value } = await run.next();
      if (done === true) break;
      const { user, system } = process.cpuUsage(before);
      times.push((user + system) / 1000);
      training += (performance.now() - start) / 1000;
      losses.push(Number(value.loss.toPrecision(7)));
      gradientNorms.push(Number(value.gradientNorm.toPrecision(4)));
      const { step } = value;
      if (!milestones.includes(step) && !kept.includes(step)) continue;
      const judgedFrom = performance.now();
      const { ema, parameters: flat } = await value.state();
      if (kept.includes(step)) arrays[`weights-${step}`] = { shape: [flat.length], data: flat };
      if (milestones.includes(step)) {
        const { images, ...judged } = await judgeWeights(experiment, parameters.values(ema), problem, judge);
        checkpoints.push({ step, ...judged });
        if (step === steps) arrays['images'] = { shape: [images.length], data: images };
      }
      judging += (performance.now() - judgedFrom) / 1000;
    }
  } catch (error) {
    if (!core.isTweedieError(error)) throw error;
    failure = { kind: error.complaint.code === 'NON_FINITE' ? 'diverged' : 'refused', step: losses.length, message: error.message };
  } finally {
    parameters.dispose();
  }

  const cell: Cell = {
    schema: 1,
    name: contestant.name,
    seed,
    steps,
    hash: hashOf(task),
    config: get(CONFIG),
    plugins: get(PLUGINS),
    derivatives: objective.needs.derivatives,
    engine: getBackend(),
    initial: modelHash(network.parameters, initial, network.config).slice(0, 16),
    parameters: parameters.flat.size,
    losses,
    gradientNorms,
    seconds: { training, judging },
    ...(times.length === 0 ? {} : { milliseconds: median(times) }),
    checkpoints,
    ...(failure === undefined ? {} : { failure }),
    kept: kept.filter((step) => step <= losses.length),
  };
  // The numbers come last: a cell with a .json is whole.
  await writeFileAtomic(`${placeOf(folder, task)}.safetensors`, core.encodeSafetensors({ tensors: arrays }));
  await writeFileAtomic(`${placeOf(folder, task)}.json`, `${JSON.stringify(cell)}\n`);
  return cell;
};

/** Draws with these weights and judges it; what cannot be judged says why. */
const judgeWeights = async (
  { get }: part.Experiment,
  values: Readonly<Record<string, Float32Array>>,
  { count, kept }: Problem,
  judge: Judge,
): Promise<Omit<Checkpoint, 'step'> & { readonly images: Float32Array }> => {
  const [network, sampler, plan, noise] = [get(part.NETWORK), get(part.SAMPLER), get(part.PLAN), get(part.NOISE)];
  const weights = core.toTensors(network.parameters, values);
  const model = core.bindModel({ network, weights, schedule: get(part.SCHEDULE), preconditioner: get(part.PRECONDITIONER) });
  const { shape, classes } = network;
  const size = shape.reduce((product, n) => product * n, 1);
  const images = new Float32Array(count * size);
  const labels = classes === 0 ? undefined : Int32Array.from({ length: count }, (_, i) => i % classes);
  const asked = labels === undefined ? {} : { label: (image: number) => labels[image]!, classes };
  try {
    const batchSize = shape.length === 1 ? count : 50;
    for await (const event of core.sample({ sampler, plan, denoise: model.denoise, shape, count, batchSize, noise, ...asked }))
      if (event.kind === 'images') images.set((await event.images.data()) as Float32Array, event.first * size);
    const shown = images.slice(0, kept * size);
    try {
      return { images: shown, ...(await judge({ images, ...(labels === undefined ? {} : { labels }) }, model, noise.seed)) };
    } catch (error) {
      if (!core.isTweedieError(error)) throw error;
      return { images: shown, failure: error.message };
    }
  } finally {
    Object.values(weights).forEach((tensor) => tensor.dispose());
  }
};

const checkpointSteps = (steps: number): readonly number[] =>
  Array.from({ length: CHECKPOINTS }, (_, i) => Math.max(1, Math.round(((i + 1) * steps) / CHECKPOINTS)));

/** 1, 3, 10, 30, … and the last. */
const twinSteps = (steps: number): readonly number[] => [...[1, 3, 10, 30, 100, 300, 1000, 3000].filter((step) => step < steps), steps];
