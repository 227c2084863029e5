import {
  adam,
  createFeed,
  createNoise,
  createParameters,
  edm,
  edmPreconditioner,
  isTweedieError,
  scoreLoss,
  train,
  tweedieError,
  type Dataset,
  type Network,
  type Noise,
  type Objective,
} from '@tweedie/core';
import { digits, mlp } from '@tweedie/networks';
import { alternating, pairedRatio, verdictOf, type Contestant, type Ratio, type Verdict } from './alternating.ts';
import { medianOf } from './median.ts';
import { peakBytes } from './peak-bytes.ts';
import { synthetic } from './synthetic.ts';

/** What the others are held against. */
export const BASE = 'dsm';

/** Limits that are wanted of the time of a step, over denoising score matching's, on images of at least so many numbers. */
export const LIMITS: Readonly<Record<string, number>> = Object.freeze({ lcss: 1.03, stf: 1.1 });

/** One network and one kind of data, on which every objective takes its steps. */
export interface Case {
  readonly shape: readonly number[];
  readonly batchSize: number;
  /** False: memory alone. */
  readonly timed: boolean;
}

/** An objective under the name that the tables have for it. */
export interface Entrant {
  readonly name: string;
  readonly objective: Objective;
}

export interface Row {
  readonly name: string;
  readonly status: 'measured' | 'refused' | 'out of memory' | 'not measured';
  /** Why there is no number. */
  readonly reason: string | null;
  /** Median of a step; null where it was not timed. */
  readonly milliseconds: number | null;
  readonly time: Ratio | null;
  readonly limit: number | null;
  readonly verdict: Verdict | null;
  readonly peakBytes: number | null;
  readonly memory: number | null;
}

export interface CaseResult extends Case {
  readonly dimensions: number;
  readonly network: string;
  readonly parameters: number;
  readonly classes: number;
  /** Rounds that were counted. */
  readonly rounds: number;
  readonly rows: readonly Row[];
}

/**
 * A case by the number of its dimensions: points up to 64, beyond that square images, grey or in colour, whose sides the digits network
 * can halve. Undefined where d is none of these.
 */
export const shapeOf = (d: number): readonly number[] | undefined => {
  if (!Number.isInteger(d) || d < 1) return undefined;
  if (d <= 64) return [d];
  for (const channels of [1, 3]) {
    const side = Math.sqrt(d / channels);
    if (Number.isInteger(side) && side % 4 === 0) return [side, side, channels];
  }
  return undefined;
};

/** Rows of a batch where nobody says: what a laptop trains with. */
export const batchSizeOf = (shape: readonly number[]): number => (shape.length === 1 ? 128 : 64);

/** Points are unconditional; images have 10 classes, as MNIST and CIFAR-10 do, so that STF masks the classes of its reference. */
export const networkOf = (shape: readonly number[]): Network =>
  shape.length === 1 ? mlp({ shape }) : digits({ shape: shape as [number, number, number], dataMean: 0 });

export interface MeasureOptions {
  readonly of: Case;
  readonly entrants: readonly Entrant[];
  readonly rounds: number;
  readonly warmup: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Milliseconds. Default: the process's clock. */
  readonly now?: () => number;
  /** Told what is going on, and how many of the rounds, warm-up included, are done. */
  readonly onProgress?: (rounds: number, note: string) => void;
}

/** Measures memory, then time: two passes, for to count is to slow down. The first finds out who refuses, too. */
export const measureCase = async ({ of, entrants, rounds, warmup, seed, signal, now, onProgress }: MeasureOptions): Promise<CaseResult> => {
  const noise = createNoise(seed);
  const network = networkOf(of.shape);
  const dataset = synthetic({ shape: of.shape, classes: network.classes, noise });
  const runner = (entrant: Entrant): Runner => steps({ entrant, network, dataset, batchSize: of.batchSize, noise });
  const name = of.shape.join('×');

  // Whoever brings a large reference comes last: where that does not fit, what the engine loses is nobody else's.
  const peaks = new Map<string, Peak>();
  for (const entrant of [...entrants].sort((a, b) => (a.objective.needs.reference ?? 0) - (b.objective.needs.reference ?? 0))) {
    await new Promise<void>((next) => setImmediate(next));
    if (signal?.aborted === true) break;
    onProgress?.(0, `${name}: memory of ${entrant.name}`);
    peaks.set(entrant.name, await peakOf(runner(entrant)));
  }

  const timed = of.timed ? entrants.filter((entrant) => peaks.get(entrant.name)?.bytes !== undefined) : [];
  const contestants = timed.map((entrant): Contestant & Runner => ({ name: entrant.name, ...runner(entrant) }));
  let times: ReadonlyMap<string, readonly number[]> = new Map<string, readonly number[]>();
  try {
    if (contestants.length > 0)
      times = await alternating({
        contestants,
        rounds,
        warmup,
        repeat: of.shape.length === 1 ? REPEAT : 1,
        ...(signal === undefined ? {} : { signal }),
        ...(now === undefined ? {} : { now }),
        onRound: (done) => onProgress?.(done, name),
      });
  } finally {
    for (const { close } of contestants) await close();
  }
  const base = times.get(BASE) ?? [];
  return {
    ...of,
    dimensions: of.shape.reduce((product, extent) => product * extent, 1),
    network: network.name,
    parameters: network.parameters.reduce((sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1), 0),
    classes: network.classes,
    rounds: base.length,
    rows: entrants.map(({ name: entrant }) => rowOf(entrant, of, peaks, times.get(entrant) ?? [], base)),
  };
};

/** Steps of points that are timed as one: each takes a few milliseconds. */
const REPEAT = 5;

const rowOf = (name: string, { shape }: Case, peaks: ReadonlyMap<string, Peak>, times: readonly number[], base: readonly number[]): Row => {
  const { status, reason = null, bytes = null } = peaks.get(name) ?? NOTHING;
  const basis = peaks.get(BASE)?.bytes;
  const time = times.length === 0 ? null : pairedRatio(times, base);
  const limit = shape.length === 1 ? null : (LIMITS[name] ?? null);
  return {
    name,
    status,
    reason,
    milliseconds: times.length === 0 ? null : medianOf(times),
    time,
    limit: time === null ? null : limit,
    verdict: time === null || limit === null ? null : verdictOf(time, limit),
    peakBytes: bytes,
    memory: bytes === null || basis === undefined ? null : bytes / basis,
  };
};

/** Takes training steps, one a call, exactly as `train` does: batch, loss, gradient, Adam, moving average. */
interface Runner {
  readonly run: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const steps = ({
  entrant: { objective },
  network,
  dataset,
  batchSize,
  noise,
}: {
  readonly entrant: Entrant;
  readonly network: Network;
  readonly dataset: Dataset;
  readonly batchSize: number;
  readonly noise: Noise;
}): Runner => {
  const { reference } = objective.needs;
  const parameters = createParameters(network.parameters, network.init(noise));
  const taken = (async function* (): AsyncGenerator<undefined, void, void> {
    const training = train({
      parameters,
      loss: scoreLoss({ objective, network, schedule: edm(), preconditioner: edmPreconditioner({ sigmaData: 0.5 }) }),
      feed: createFeed({
        dataset,
        batchSize,
        noise,
        ...(network.classes === 0 ? {} : { labelDropout: 0.1 }),
        ...(reference === undefined ? {} : { reference: Math.max(reference, batchSize) }),
      }),
      optimizer: adam({ rate: RATE }),
      steps: Infinity,
      noise,
    });
    for await (const { step: _ } of training) yield undefined;
  })();
  return {
    run: async () => {
      await taken.next();
    },
    close: async () => {
      await taken.return();
      parameters.dispose();
    },
  };
};

/** Small: nobody's weights go far, whatever its loss is like. */
const RATE = 1e-5;

interface Peak {
  readonly status: Row['status'];
  readonly bytes?: number;
  readonly reason?: string;
}

/** Of what was interrupted, or not asked for yet. */
const NOTHING: Peak = { status: 'not measured' };

/** Peak memory of the second step: the first makes what stays. */
const peakOf = async ({ run, close }: Runner): Promise<Peak> => {
  try {
    await peakBytes(run);
    return { status: 'measured', bytes: await peakBytes(run) };
  } catch (error) {
    if (!isTweedieError(error)) throw error;
    const { code, problem, got } = error.complaint;
    return code === 'OUT_OF_MEMORY' ? { status: 'out of memory', reason: String(got) } : { status: 'refused', reason: problem };
  } finally {
    await close();
  }
};

/** What a step costs by its formula: runs through the network, and what is kept for them. */
export const COSTS: Readonly<Record<string, readonly [runs: string, kept: string]>> = Object.freeze({
  dsm: ['1 forward, 1 backward', 'one run'],
  lcss: ['1 forward, 1 backward', 'one run'],
  'lcss-antithetic': ['2 forward, 2 backward', 'two runs'],
  stf: ['1 forward, 1 backward; n points more to read, 4·B·n·d operations', 'one run, n points'],
  ssm: ['1 forward, 1 product with the Jacobian, backward through both', 'about two runs'],
  'ssm-vr': ['1 forward, 1 product with the Jacobian, backward through both', 'about two runs'],
  'fd-ssm': ['2 forward, 2 backward', 'two runs'],
  ism: ['1 forward, d products with the Jacobian, backward through all', 'd + 1 runs'],
});

/** Refuses what no case can be made of. */
export const casesOf = ({
  dims,
  memorySide,
  batchSize,
}: {
  readonly dims: readonly number[];
  readonly memorySide: number;
  readonly batchSize: number | undefined;
}): readonly Case[] => {
  const timed = dims.map((d): Case => {
    const shape = shapeOf(d);
    if (shape === undefined)
      throw tweedieError({
        subject: '--dims',
        problem: 'no data of this many dimensions are made here',
        got: d,
        expected: 'up to 64 (points), side² or 3·side² with a side divisible by 4 (images)',
        remedy: 'take 2, 784 and 3072',
      });
    return { shape, batchSize: batchSize ?? batchSizeOf(shape), timed: true };
  });
  return memorySide === 0 ? timed : [...timed, { shape: [memorySide, memorySide, 3], batchSize: 1, timed: false }];
};
