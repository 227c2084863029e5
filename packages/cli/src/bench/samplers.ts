import { mul, type Tensor } from '@tensorflow/tfjs-core';
import {
  bindModel,
  createNoise,
  edm,
  edmPreconditioner,
  isTweedieError,
  karras,
  toTensors,
  type Denoiser,
  type Noise,
  type Plan,
  type Sampler,
} from '@tweedie/core';
import { alternating, verdictOf, type Contestant, type Ratio, type Verdict } from './alternating.ts';
import { medianInterval, medianOf } from './median.ts';
import { networkOf } from './objectives.ts';
import { peakBytes } from './peak-bytes.ts';

/** Digits: what the network is for, and the state that samplers work on. */
export const SHAPE = [28, 28, 1] as const;

/** Percent of a run that a deterministic sampler may take, the network's calls being the rest. */
export const LIMIT = 3;

/** A sampler under the name that the tables have for it; without one, why. */
export interface BenchedSampler {
  readonly name: string;
  readonly sampler?: Sampler;
  readonly refusal?: string;
}

export interface SamplerRow {
  readonly name: string;
  readonly status: 'measured' | 'refused' | 'not measured';
  readonly reason: string | null;
  readonly stochastic: boolean;
  readonly nfe: number | null;
  readonly millisecondsPerStep: number | null;
  readonly share: Ratio | null;
  readonly verdict: Verdict | null;
  readonly peakBytes: number | null;
  readonly tensors: number | null;
}

export interface SamplersResult {
  readonly network: { readonly name: string; readonly parameters: number; readonly milliseconds: number | null };
  /** Rounds that were counted. */
  readonly rounds: number;
  readonly rows: readonly SamplerRow[];
}

export interface MeasureSamplersOptions {
  readonly samplers: readonly BenchedSampler[];
  readonly batchSize: number;
  readonly steps: number;
  readonly rounds: number;
  readonly warmup: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Told how many of the rounds, warm-up included, are done. */
  readonly onProgress?: (rounds: number, note: string) => void;
}

export const benchedNetwork = (): SamplersResult['network'] => {
  const { name, parameters } = networkOf(SHAPE);
  return {
    name,
    parameters: parameters.reduce((sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1), 0),
    milliseconds: null,
  };
};

const NETWORK = 'the network';

/**
 * Memory, then time: two passes, for to count is to slow down. The time is of whole runs whose network answers at once, beside one call
 * of the network in every round.
 */
export const measureSamplers = async (options: MeasureSamplersOptions): Promise<SamplersResult> => {
  const { samplers, batchSize, steps, rounds, warmup, seed, signal, onProgress } = options;
  const noise = createNoise(seed);
  const shape = [batchSize, ...SHAPE];
  const y = noise.normal(shape, { stream: 1 });
  const answer = noise.normal(shape, { stream: 2 });
  const network = networkOf(SHAPE);
  const weights = toTensors(network.parameters, network.init(noise));
  const model = bindModel({ network, weights, schedule: edm(), preconditioner: edmPreconditioner({ sigmaData: 0.5 }) });
  const bytes = 4 * shape.reduce((product, extent) => product * extent, 1);
  try {
    const runs = new Map<string, Run>();
    const found = new Map<string, Found>();
    for (const { name, sampler } of samplers) {
      if (sampler === undefined) continue;
      await new Promise<void>((next) => setImmediate(next));
      if (signal?.aborted === true) break;
      onProgress?.(0, `memory of ${name}`);
      try {
        const schedule = edm();
        const levels = karras({
          steps,
          max: schedule.rho(schedule.tMax),
          min: schedule.rho(schedule.tMin),
          zero: sampler.facts.reachesZero,
        });
        const run: Run = { sampler, plan: sampler.plan(schedule, levels), y, noise };
        let calls = 0;
        // Answers of their own, so that those that a sampler remembers are counted.
        const owning: Denoiser = () => (calls++, mul(answer, 1));
        await taken(run, owning);
        calls = 0;
        found.set(name, { peak: await peakBytes(() => taken(run, owning)), calls });
        runs.set(name, run);
      } catch (error) {
        if (!isTweedieError(error)) throw error;
        found.set(name, { reason: error.message });
      }
    }
    const contestants: Contestant[] = [
      {
        name: NETWORK,
        run: async () => {
          const answered = model.denoise(y, 1);
          await answered.data();
          answered.dispose();
        },
      },
      ...[...runs].map(([name, run]) => ({ name, run: () => taken(run, () => answer.clone()) })),
    ];
    const times = await alternating({
      contestants,
      rounds,
      warmup,
      ...(signal === undefined ? {} : { signal }),
      onRound: (done) => onProgress?.(done, ''),
    });
    const calling = times.get(NETWORK) ?? [];
    return {
      network: { ...benchedNetwork(), milliseconds: calling.length === 0 ? null : medianOf(calling) },
      rounds: calling.length,
      rows: samplers.map((entrant) => rowOf(entrant, found.get(entrant.name), times.get(entrant.name) ?? [], calling, steps, bytes)),
    };
  } finally {
    [y, answer, ...Object.values(weights)].forEach((each: Tensor) => each.dispose());
  }
};

interface Run {
  readonly sampler: Sampler;
  readonly plan: Plan;
  readonly y: Tensor;
  readonly noise: Noise;
}

interface Found {
  readonly peak?: number;
  readonly calls?: number;
  readonly reason?: string;
}

/** A whole run, waited for. A sampler that begins at a state of its own makes it. */
const taken = async ({ sampler, plan, y, noise }: Run, denoise: Denoiser): Promise<void> => {
  const own = await sampler.start?.(noise, y.shape, plan);
  try {
    const steps = sampler.steps(denoise, own ?? y, plan, noise);
    let next = await steps.next();
    while (next.done !== true) next = await steps.next();
    await next.value.data();
    if (next.value !== y && next.value !== own) next.value.dispose();
  } finally {
    own?.dispose();
  }
};

const rowOf = (
  { name, sampler, refusal }: BenchedSampler,
  { peak, calls, reason }: Found = {},
  times: readonly number[],
  calling: readonly number[],
  steps: number,
  bytes: number,
): SamplerRow => {
  const stochastic = sampler?.facts.stochastic ?? false;
  const shares = times.map((time, round) => (100 * time) / (time + calls! * calling[round]!));
  const share: Ratio | null = shares.length === 0 ? null : { median: medianOf(shares), interval: medianInterval(shares) ?? null };
  const why = refusal ?? reason ?? null;
  return {
    name,
    status: why !== null ? 'refused' : peak === undefined ? 'not measured' : 'measured',
    reason: why,
    stochastic,
    nfe: calls ?? null,
    millisecondsPerStep: times.length === 0 ? null : medianOf(times) / steps,
    share,
    verdict: share === null || stochastic ? null : verdictOf(share, LIMIT),
    peakBytes: peak ?? null,
    tensors: peak === undefined ? null : peak / bytes,
  };
};
