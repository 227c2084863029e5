import { z } from 'zod';
import { measuredRow } from './machine/measured.ts';

/**
 * What each command prints under `--json`: one object, named and versioned by `schema`. A field may be added under the same
 * version; one that is removed or changes its meaning makes the next.
 */

const count = z.int().min(0);
const versions = z.record(z.string(), z.string());

export const trainOutput = z.object({
  schema: z.literal('tweedie/train@1'),
  status: z.enum(['finished', 'interrupted']),
  /** The RUN folder. */
  folder: z.string(),
  /** Steps done, and steps of the whole run. */
  step: count,
  steps: count,
  /** The step at which this sitting began. */
  resumedFrom: count,
  /** Seconds of training, all sittings together. */
  seconds: z.number(),
  imagesPerSecond: z.number(),
  /** Mean loss of the last tenth of the run, at most 100 steps. */
  loss: z.number().nullable(),
  parameters: count,
  data: z.string(),
  network: z.string(),
  engine: z.string(),
  /** Workers of this sitting. */
  workers: count,
  modelHash: z.string(),
});

export const trainDryRunOutput = z.object({
  schema: z.literal('tweedie/train-dry-run@1'),
  folder: z.string(),
  /** Whether the folder holds a run that the command would go on with. */
  resumes: z.boolean(),
  /** Null where a time budget is counted at the start. */
  steps: count.nullable(),
  seconds: z.number().nullable(),
  parameters: count,
  data: z.string(),
  network: z.string(),
  plugins: versions,
  config: z.record(z.string(), z.unknown()),
});

const levels = z.array(z.number());

export const sampleOutput = z.object({
  schema: z.literal('tweedie/sample@1'),
  /** The run or weights file. */
  run: z.string(),
  modelHash: z.string(),
  /** Files written. */
  files: z.array(z.string()),
  count,
  first: count,
  shape: z.array(count),
  sampler: z.string(),
  steps: count,
  /** Network evaluations of an image. */
  nfe: z.number(),
  levels,
  seed: count,
  guidance: z.number(),
  seconds: z.number(),
  engine: z.string(),
  /** What carried out the network: the engine, or ONNX Runtime. */
  runtime: z.enum(['engine', 'onnx']),
  workers: count,
});

export const sampleDryRunOutput = z.object({
  schema: z.literal('tweedie/sample-dry-run@1'),
  run: z.string(),
  modelHash: z.string(),
  files: z.array(z.string()),
  count,
  shape: z.array(count),
  sampler: z.string(),
  steps: count,
  /** Null where the run decides. */
  nfe: z.number().nullable(),
  levels,
  notes: z.array(z.string()),
});

export const evaluateOutput = z.object({
  schema: z.literal('tweedie/evaluate@2'),
  /** What was judged: a run, a folder of images, or a file of samples. */
  judged: z.string(),
  /** Null where no run was judged, as sampler, labels and nfe. */
  modelHash: z.string().nullable(),
  /** Images judged; 0 where only the model was asked. */
  n: count,
  /** Id of the real data. */
  reference: z.string(),
  extractor: z.string().nullable(),
  seed: count,
  /** Null where nothing was drawn, as labels and nfe. */
  sampler: z.string().nullable(),
  /** What the images were asked to be: each of the classes in turn, or nothing. */
  labels: z.enum(['classes', 'none']).nullable(),
  guidance: z.number().nullable(),
  nfe: z.number().nullable(),
  seconds: z.number(),
  /** What carried out the network and the extractor. */
  runtime: z.enum(['engine', 'onnx']),
  /** About the images as a whole. */
  warnings: z.array(z.string()),
  metrics: z.array(
    z.object({
      name: z.string(),
      value: z.number(),
      /** Rows that the value is of. */
      n: count,
      /** 95 %; null where none can be had. */
      interval: z.tuple([z.number(), z.number()]).nullable(),
      /** Real data against real data at the same n; null where it was not measured. */
      floor: z.number().nullable(),
      details: z.record(z.string(), z.union([z.number(), z.string()])),
      warnings: z.array(z.string()),
    }),
  ),
});

export const evaluateDryRunOutput = z.object({
  schema: z.literal('tweedie/evaluate-dry-run@1'),
  judged: z.string(),
  n: count,
  reference: z.string(),
  metrics: z.array(z.string()),
  /** What the images would be judged by: a name, not an id, since it was not loaded. */
  extractor: z.string().nullable(),
});

export const doctorOutput = z.object({
  schema: z.literal('tweedie/doctor@1'),
  versions,
  platform: z.string(),
  /** The engine that would run; null if none starts. */
  chosen: z.string().nullable(),
  engines: z.array(
    z.object({ id: z.string(), available: z.boolean(), chosen: z.boolean(), reason: z.string(), version: z.string().nullable() }),
  ),
  /** What is used where nobody asks for anything else; null without a measurement of this machine, these engines and versions. */
  measured: z
    .object({
      file: z.string(),
      sampling: z.object({ engine: z.string(), workers: count }),
      training: z.object({ engine: z.string(), workers: count }),
      /** Images a second through the digits network, and trained on, by so many workers; megabytes at most of their process. */
      rows: z.array(measuredRow),
    })
    .nullable(),
  /** Where data sets are kept. */
  cache: z.string(),
});

const nativeKind = z.enum(['cpu', 'gpu']);

export const nativeInstallOutput = z.object({
  schema: z.literal('tweedie/native-install@1'),
  kind: nativeKind,
  folder: z.string(),
  /** False where a whole build was there already. */
  built: z.boolean(),
  versions,
  bytes: count,
  /** Whether TensorFlow finds a GPU here. */
  gpu: z.boolean(),
  seconds: z.number(),
});

export const nativeStatusOutput = z.object({
  schema: z.literal('tweedie/native-status@1'),
  /** The folder of all builds. */
  folder: z.string(),
  freeBytes: count,
  builds: z.array(
    z.object({
      kind: nativeKind,
      folder: z.string(),
      state: z.enum(['absent', 'half', 'broken', 'ready']),
      reason: z.string(),
      tensorflow: z.string().nullable(),
      compiler: z.string().nullable(),
      bytes: count,
      /** Null where it did not load. */
      gpu: z.boolean().nullable(),
      /** Why it cannot be built here; null where it can. */
      obstacle: z.string().nullable(),
    }),
  ),
  /** What an installation needs; `reason` says why it will not do. */
  tools: z.array(
    z.object({ name: z.string(), command: z.string().nullable(), version: z.string().nullable(), reason: z.string().nullable() }),
  ),
});

export const nativeRemoveOutput = z.object({
  schema: z.literal('tweedie/native-remove@1'),
  folders: z.array(z.string()),
  bytes: count,
});

export const pluginsOutput = z.object({
  schema: z.literal('tweedie/plugins@1'),
  plugins: z.array(
    z.object({
      package: z.string(),
      version: z.string(),
      /** `tweedie` came with the command, `project` is installed where it runs. */
      from: z.enum(['tweedie', 'project']),
      provides: z.array(
        z.object({
          kind: z.string(),
          name: z.string(),
          use: z.string(),
          summary: z.string(),
          options: z.record(z.string(), z.unknown()),
          statistics: z.string().optional(),
        }),
      ),
    }),
  ),
  /** Installed packages that carry the keyword but cannot be used, and why. */
  problems: z.array(z.object({ package: z.string(), message: z.string() })),
});

export const dataListOutput = z.object({
  schema: z.literal('tweedie/data-list@1'),
  cache: z.string(),
  data: z.array(z.object({ name: z.string(), summary: z.string(), fetchable: z.boolean(), there: z.boolean().nullable() })),
});

export const dataFetchOutput = z.object({
  schema: z.literal('tweedie/data-fetch@1'),
  name: z.string(),
  folder: z.string(),
  files: z.array(z.string()),
  /** False where everything was there already, or nothing was done. */
  fetched: z.boolean(),
  dryRun: z.boolean(),
});

export const statsOutput = z.object({
  schema: z.literal('tweedie/stats@1'),
  kind: z.string(),
  method: z.string(),
  /** The data set; for statistics of a model the one that it was trained on. */
  data: z.string(),
  /** For statistics of a model: the run, and the hash of its weights. */
  run: z.string().nullable(),
  model: z.string().nullable(),
  /** Null under `--dry-run`. */
  file: z.string().nullable(),
  header: z.record(z.string(), z.unknown()),
  tensors: z.record(z.string(), z.array(count)),
});

export const planOutput = z.object({
  schema: z.literal('tweedie/plan@1'),
  sampler: z.string(),
  schedule: z.string(),
  levels,
  steps: z.array(z.record(z.string(), z.union([z.number(), z.array(z.number())]))),
  nfe: z.number().nullable(),
  notes: z.array(z.string()),
});

const ratio = z.object({
  median: z.number(),
  /** 95 % of the median, by order statistics; null below 6 rounds. */
  interval: z.tuple([z.number(), z.number()]).nullable(),
});

export const benchObjectivesOutput = z.object({
  schema: z.literal('tweedie/bench-objectives@1'),
  status: z.enum(['finished', 'interrupted', 'planned']),
  /** Null under `--dry-run`, as are engine and machine. */
  report: z.string().nullable(),
  engine: z.string().nullable(),
  machine: z.record(z.string(), z.union([z.string(), z.number()])).nullable(),
  versions,
  seed: count,
  /** Rounds that were run first and not counted. */
  warmup: count,
  seconds: z.number(),
  cases: z.array(
    z.object({
      dimensions: count,
      shape: z.array(count),
      network: z.string(),
      parameters: count,
      classes: count,
      batchSize: count,
      /** False: memory alone. */
      timed: z.boolean(),
      /** Rounds that were counted. */
      rounds: count,
      rows: z.array(
        z.object({
          name: z.string(),
          status: z.enum(['measured', 'refused', 'out of memory', 'not measured']),
          reason: z.string().nullable(),
          /** Median of a step. */
          milliseconds: z.number().nullable(),
          /** Over dsm's time in the same round. */
          time: ratio.nullable(),
          /** What is wanted of `time`, and whether its interval says so. */
          limit: z.number().nullable(),
          verdict: z.enum(['held', 'not held', 'not decided']).nullable(),
          /** Bytes of tensors at the peak of a step, above those before it. */
          peakBytes: count.nullable(),
          /** Over dsm's. */
          memory: z.number().nullable(),
        }),
      ),
    }),
  ),
});

/** Where a curve over σ is above something; null at an end of what was measured. */
const sigmaRange = z.object({ from: z.number().nullable(), to: z.number().nullable() });
const interval = z.tuple([z.number(), z.number()]);

export const varianceOutput = z.object({
  schema: z.literal('tweedie/variance@1'),
  data: z.string(),
  /** Points of the data set that are the population. */
  population: count,
  rows: count,
  seed: count,
  sigmas: z.array(z.number()),
  /** The report; null under `--dry-run`, as is the engine. */
  file: z.string().nullable(),
  engine: z.string().nullable(),
  seconds: z.number(),
  /** σ²V and effective sample size by level and size n of the reference, with 95 % intervals; n = 1 is denoising score matching. */
  levels: z.array(
    z.object({
      sigma: z.number(),
      references: z.array(z.object({ n: count, variance: z.number(), varianceInterval: interval, ess: z.number(), essInterval: interval })),
      essOfAll: z.number(),
    }),
  ),
  /** Where σ²V of n = 1 is above a tenth of its peak; null where it is 0 throughout. */
  middle: z.object({ peak: z.number(), peakSigma: z.number(), ...sigmaRange.shape }).nullable(),
  /** Where the effective sample size of a reference is above 2; null where nowhere. */
  beyond: z.array(z.object({ n: count, range: sigmaRange.nullable() })),
});

export const compareOutput = z.object({
  schema: z.literal('tweedie/compare@1'),
  status: z.enum(['finished', 'interrupted', 'planned']),
  run: z.string(),
  modelHash: z.string(),
  /** Null under `--dry-run`, as is the engine. */
  report: z.string().nullable(),
  /** The folder of what was drawn and judged. */
  cells: z.string(),
  engine: z.string().nullable(),
  seed: count,
  guidance: z.number(),
  n: count,
  /** Network calls an image. */
  limits: z.array(count),
  reference: z.string(),
  extractor: z.string().nullable(),
  /** Null where each limit has its own: the least value. */
  baseline: z.string().nullable(),
  /** Null where nothing was judged. */
  metric: z.string().nullable(),
  /** Real data against real data at the same n. */
  floor: z.number().nullable(),
  seconds: z.number(),
  /** Cells that this command made; the others were there. */
  made: count,
  rows: z.array(
    z.object({
      /** Null where calls are not a matter of steps. */
      limit: count.nullable(),
      sampler: z.string(),
      stochastic: z.boolean(),
      steps: count.nullable(),
      /** Network evaluations of an image, counted; planned where nothing was drawn. */
      nfe: z.number().nullable(),
      value: z.number().nullable(),
      interval: interval.nullable(),
      /** Paired, on the same rows; null for the one that the others are held against. */
      difference: z.object({ to: z.string(), value: z.number(), interval: interval.nullable() }).nullable(),
      /** Hash of the first rows that the first step began with. */
      start: z.string().nullable(),
      seconds: z.number().nullable(),
      /** Hash, and name of the file. */
      cell: z.string().nullable(),
      /** Whether the cell was there before. */
      kept: z.boolean(),
      /** Why there is no value. */
      failure: z.string().nullable(),
    }),
  ),
});

export const benchSamplersOutput = z.object({
  schema: z.literal('tweedie/bench-samplers@1'),
  status: z.enum(['finished', 'interrupted', 'planned']),
  /** Null under `--dry-run`, as are engine and machine. */
  report: z.string().nullable(),
  engine: z.string().nullable(),
  machine: z.record(z.string(), z.union([z.string(), z.number()])).nullable(),
  versions,
  seed: count,
  warmup: count,
  /** Rounds that were counted. */
  rounds: count,
  seconds: z.number(),
  shape: z.array(count),
  batchSize: count,
  steps: count,
  /** The network that shares are of; milliseconds of one call, null where it was not timed. */
  network: z.object({ name: z.string(), parameters: count, milliseconds: z.number().nullable() }),
  /** Percent that is wanted of a deterministic sampler. */
  limit: z.number(),
  rows: z.array(
    z.object({
      name: z.string(),
      status: z.enum(['measured', 'refused', 'not measured']),
      reason: z.string().nullable(),
      stochastic: z.boolean(),
      /** Network calls of the run. */
      nfe: z.number().nullable(),
      /** Median of a step without the network. */
      millisecondsPerStep: z.number().nullable(),
      /** Percent of the whole run, the network in it. */
      share: ratio.nullable(),
      verdict: z.enum(['held', 'not held', 'not decided']).nullable(),
      /** Bytes of tensors at the peak of a run, above the state that it was given. */
      peakBytes: count.nullable(),
      /** In tensors of the batch's size. */
      tensors: z.number().nullable(),
    }),
  ),
});

export const calibrateOutput = z.object({
  schema: z.literal('tweedie/calibrate@1'),
  run: z.string(),
  modelHash: z.string(),
  tolerance: z.number(),
  seed: count,
  /** Held-out data; null under `--dry-run`, as the file. */
  data: z.string().nullable(),
  n: count,
  levels,
  /** R(ρ) of each level. */
  residual: z.array(z.number()),
  /** Null where no level will do. */
  skipTo: z.number().nullable(),
  file: z.string().nullable(),
});

export const exportOutput = z.object({
  schema: z.literal('tweedie/export@1'),
  run: z.string(),
  modelHash: z.string(),
  network: z.string(),
  file: z.string(),
  /** Null where nothing was written. */
  bytes: count.nullable(),
  /** Names of the inputs of the graph. */
  inputs: z.array(z.string()),
  /** Null where none was asked for. */
  extractor: z.object({ id: z.string(), file: z.string(), bytes: count.nullable() }).nullable(),
});

/** What any command prints when it fails. */
export const errorOutput = z.object({
  schema: z.literal('tweedie/error@1'),
  message: z.string(),
  subject: z.string().optional(),
  problem: z.string().optional(),
  expected: z.string().optional(),
  remedy: z.string().optional(),
  code: z.string().optional(),
  exitCode: z.union([z.literal(1), z.literal(2)]),
});

export const outputs = Object.freeze({
  train: trainOutput,
  'train-dry-run': trainDryRunOutput,
  sample: sampleOutput,
  'sample-dry-run': sampleDryRunOutput,
  evaluate: evaluateOutput,
  'evaluate-dry-run': evaluateDryRunOutput,
  doctor: doctorOutput,
  'native-install': nativeInstallOutput,
  'native-status': nativeStatusOutput,
  'native-remove': nativeRemoveOutput,
  plugins: pluginsOutput,
  'data-list': dataListOutput,
  'data-fetch': dataFetchOutput,
  stats: statsOutput,
  plan: planOutput,
  variance: varianceOutput,
  'bench-objectives': benchObjectivesOutput,
  'bench-samplers': benchSamplersOutput,
  compare: compareOutput,
  calibrate: calibrateOutput,
  export: exportOutput,
  error: errorOutput,
});

export type Output<K extends keyof typeof outputs> = z.infer<(typeof outputs)[K]>;
