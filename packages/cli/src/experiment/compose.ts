import {
  adam,
  clipped,
  createNoise,
  karras,
  logSnr,
  timePower,
  trapezoid,
  tweedieError,
  type Dataset,
  type Json,
  type Optimizer,
  type Plan,
  type Rate,
  type Schedule,
} from '@tweedie/core';
import {
  compose,
  DATA,
  LEVELS,
  LOGGER,
  made,
  NETWORK,
  NOISE,
  OBJECTIVE,
  OPTIMIZER,
  PLAN,
  PRECONDITIONER,
  SAMPLER,
  SCHEDULE,
  token,
  TRAINING,
  value,
  type Experiment,
  type Logger,
  type Part,
} from '@tweedie/core/container';
import type { ExperimentConfig, ExperimentInput } from '../config/experiment.ts';
import { parseExperiment } from '../config/parse.ts';
import { makeMethod, type Made, type MethodConfig } from './methods.ts';

/** The whole configuration, every default of every method filled in: composing it again gives the same experiment. */
export const CONFIG = token<ExperimentConfig>('config');
/** Versions of the packages that the methods came from. */
export const PLUGINS = token<Readonly<Record<string, string>>>('plugins');
/** Learning rate by step. */
export const RATE = token<Rate>('rate');

export interface ComposeOptions {
  /** The user's project, where plugins are looked for and relative paths begin. Default: the working directory. */
  readonly cwd?: string;
  /** False leaves DATA, OBJECTIVE and the feed out: sampling needs neither. The network's shape must then be in the configuration. */
  readonly data?: boolean;
  /** Hash of the weights that will be sampled: a sampler's statistics of another model are refused. */
  readonly modelHash?: string;
  /** Where notices go. Default: nowhere. */
  readonly logger?: Logger;
}

/**
 * Resolves every method of a configuration and composes them. What an experiment uses comes out of it by token;
 * `scope` overrides any one thing.
 */
export const composeExperiment = async (
  input: ExperimentInput,
  { cwd = process.cwd(), data: withData = true, modelHash, logger }: ComposeOptions = {},
): Promise<Experiment> => {
  const config = parseExperiment(input);
  const schedule = await makeMethod('schedule', section(config.schedule), cwd);
  const objective = withData ? await makeMethod('objective', section(config.objective), cwd) : undefined;
  const data = withData ? await makeMethod('data', section(config.data), cwd) : undefined;
  const facts = data === undefined ? {} : factsOf(data.it);
  const preconditioner = await makeMethod('preconditioner', section(config.preconditioner), cwd, facts);
  const { sigmaData } = preconditioner.it;
  const network = await makeNetwork(config, data?.it, { ...facts, ...(sigmaData === undefined ? {} : { sigmaData }) }, cwd);
  if (data !== undefined) checkFit(network, data);
  // What the run knows of its data: fallbacks of samplers that have such options (a Gaussian, a profile).
  const { dataMean } = network.config;
  const known = { ...(sigmaData === undefined ? {} : { sigmaData }), ...(dataMean === undefined ? {} : { dataMean: dataMean as Json }) };
  const sampler = await makeMethod('sampler', section(config.sampler), cwd, known, modelHash);

  const found: readonly Pick<Made<'data'>, 'packageName' | 'version'>[] = [
    schedule,
    preconditioner,
    sampler,
    network,
    ...(data ? [data] : []),
    ...(objective ? [objective] : []),
  ];
  const whole: ExperimentConfig = {
    ...config,
    schedule: schedule.config,
    preconditioner: preconditioner.config,
    sampler: sampler.config,
    network: network.config,
    ...(data === undefined ? {} : { data: data.config }),
    ...(objective === undefined ? {} : { objective: objective.config }),
  };
  const parts: Part[] = [
    value(CONFIG, whole),
    value(PLUGINS, Object.freeze(Object.fromEntries(found.map(({ packageName, version }) => [packageName, version])))),
    value(LOGGER, logger ?? SILENT),
    value(NOISE, createNoise(config.seed)),
    value(SCHEDULE, schedule.it),
    value(PRECONDITIONER, preconditioner.it),
    value(NETWORK, network.it),
    value(SAMPLER, sampler.it),
    made(LEVELS, (get) => levelsOf(config.levels, get(SCHEDULE), get(SAMPLER).facts.reachesZero)),
    ...optimizerParts(config, config.training.steps),
    value(TRAINING, {
      batchSize: config.training.batchSize,
      labelDropout: config.training.labelDropout,
      accumulate: config.training.accumulate,
      emaDecay: config.training.emaDecay,
    }),
    ...(data === undefined ? [] : [value(DATA, data.it)]),
    ...(objective === undefined ? [] : [value(OBJECTIVE, objective.it)]),
  ];
  return compose(...parts);
};

const SILENT: Logger = Object.freeze({ info: () => undefined, warn: () => undefined });

const section = (chosen: { readonly use?: string | undefined }): MethodConfig => chosen as MethodConfig;

/** RATE and OPTIMIZER for a run of so many steps; without a number the rate does not fall yet. */
export const optimizerParts = ({ optimizer }: Pick<ExperimentConfig, 'optimizer'>, steps: number | undefined): readonly Part[] => {
  const { rate, warmup, decay, clip, ...moments } = optimizer;
  return [
    value(RATE, trapezoid({ peak: rate, warmup, steps: steps ?? 1, decay: steps === undefined ? 0 : decay })),
    made(OPTIMIZER, (get): Optimizer => {
      const then = adam({ rate: get(RATE), ...moments });
      return clip === undefined ? then : clipped({ maxNorm: clip, then });
    }),
  ];
};

/** The sampler's levels: ends from the schedule unless the configuration says otherwise, a final 0 where the sampler reaches it. */
export const levelsOf = (
  { grid, steps, max, min, exponent, power, zero }: ExperimentConfig['levels'],
  schedule: Schedule,
  reachesZero: boolean,
): Float64Array => {
  const span = { steps, max: max ?? schedule.rho(schedule.tMax), min: min ?? schedule.rho(schedule.tMin), zero: zero ?? reachesZero };
  switch (grid) {
    case 'karras':
      return karras({ ...span, exponent });
    case 'log-snr':
      return logSnr(span);
    case 'time-power':
      return timePower(schedule, { ...span, power });
  }
};

/**
 * What follows from the data for methods that have such options: shape, classes, and the mean and deviation of all values, which
 * preconditioning and centring are about. From at most 1024 rows, evenly spaced; two decimals are enough, and are recorded.
 */
const factsOf = (data: Dataset): Readonly<Record<string, Json>> => {
  const rows = Math.min(data.size, 1024);
  const { images } = data.rows(Int32Array.from({ length: rows }, (_, i) => Math.floor((i * data.size) / rows)));
  const mean = images.reduce((sum, x) => sum + x, 0) / images.length;
  const variance = images.reduce((sum, x) => sum + (x - mean) ** 2, 0) / images.length;
  return {
    shape: [...data.shape],
    classes: data.classes,
    dataMean: decimals(mean),
    ...(variance > 0 ? { sigmaData: Math.max(0.01, decimals(Math.sqrt(variance))) } : {}),
  };
};

const decimals = (x: number): number => Math.round(100 * x) / 100;

const makeNetwork = (
  config: ExperimentConfig,
  data: Dataset | undefined,
  facts: Readonly<Record<string, Json>>,
  cwd: string,
): Promise<Made<'network'>> => {
  const { use = defaultNetwork(data), ...options } = section(config.network);
  return makeMethod('network', { ...options, use }, cwd, facts);
};

const defaultNetwork = (data: Dataset | undefined): string => {
  if (data === undefined)
    throw tweedieError({
      subject: 'config',
      problem: 'network.use: got nothing',
      expected: 'the name of a network',
      remedy: 'a network is chosen by the data, which are not read here',
      code: 'CONFIG',
    });
  if (data.shape.length === 1) return 'mlp';
  return data.shape.join() === '28,28,1' ? 'digits' : 'ddpmpp';
};

const checkFit = ({ it: network, config }: Made<'network'>, { it: data }: Made<'data'>): void => {
  const fits = (what: string, got: unknown, expected: string): void => {
    if (String(got) !== expected)
      throw tweedieError({
        subject: `network ${config.use}`,
        problem: `network.${what}: the network does not fit the data ${data.id}`,
        got,
        expected,
        remedy: `leave network.${what} out`,
        code: 'CONFIG',
      });
  };
  fits('shape', network.shape.join(), data.shape.join());
  if (network.classes !== 0) fits('classes', network.classes, String(data.classes));
};

/** A sampler's plan under a configuration: schedule, levels and sampler are all it takes. */
export const composePlan = async (input: ExperimentInput, cwd = process.cwd(), modelHash?: string): Promise<Plan> => {
  const config = parseExperiment(input);
  const [schedule, sampler] = [
    await makeMethod('schedule', section(config.schedule), cwd),
    await makeMethod('sampler', section(config.sampler), cwd, {}, modelHash),
  ];
  const experiment = compose(
    value(SCHEDULE, schedule.it),
    value(SAMPLER, sampler.it),
    made(LEVELS, (get) => levelsOf(config.levels, get(SCHEDULE), get(SAMPLER).facts.reachesZero)),
  );
  return experiment.get(PLAN);
};
