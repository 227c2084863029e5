import { composeExperiment, openRun } from '@tweedie/cli';
import { createParameters, partGradient, scoreLoss, type Json } from '@tweedie/core';
import { FEED, NETWORK, NOISE, OBJECTIVE, PRECONDITIONER, SCHEDULE } from '@tweedie/core/container';
import { valuesFor } from '@tweedie/core/node';
import type { Lab } from './claim.ts';
import { round } from './digits.ts';
import type { NamedObjective } from './on-points.ts';
import { configKey, weightsOf, type SmallRun } from './small-run.ts';

/** The noise of a batch's gradient: tr Cov, of all batches and without each of 16 groups of them. */
export interface GradientNoise {
  readonly value: number;
  readonly leftOut: readonly number[];
  /** ‖E g‖², without the noise of its estimate; may be negative. */
  readonly signal: number;
}

export interface GradientNoiseOptions {
  /** Whose weights, and on what data. */
  readonly run: SmallRun;
  readonly step: number;
  readonly objective: NamedObjective;
  /** One level; undefined: levels as the run draws them. */
  readonly sigma: number | undefined;
  /** A multiple of 16. */
  readonly batches: number;
}

const GROUPS = 16;

/** The noise of an objective's gradient at weights that are held still. Equal batches, levels and noise for every objective. */
export const gradientNoise = (lab: Lab, { run, step, objective, sigma, batches }: GradientNoiseOptions): Promise<GradientNoise> =>
  lab.cell(
    { kind: 'gradient-noise', config: configKey(run), step, objective, sigma: sigma ?? 'as trained', batches },
    async (): Promise<Json> => {
      const { path, weights, config } = await openRun(await weightsOf(lab, run, step), lab.root);
      const level = sigma === undefined ? {} : { pMean: Math.log(sigma), pStd: 0 };
      const { get } = await composeExperiment(
        { ...config, objective: { ...law(config.objective), ...level, ...objective } },
        { cwd: lab.root },
      );
      const network = get(NETWORK);
      const parameters = createParameters(network.parameters, valuesFor(network, weights.tensors, path));
      try {
        const loss = scoreLoss({ objective: get(OBJECTIVE), network, schedule: get(SCHEDULE), preconditioner: get(PRECONDITIONER) });
        const [feed, noise] = [get(FEED), get(NOISE)];
        const gradients: Float32Array[] = [];
        for (let batch = 0; batch < batches; batch++) {
          const part = { from: 0, count: feed.batchSize };
          gradients.push((await partGradient({ parameters, loss, feed, noise }, batch, part)).gradient);
        }
        const { noise: value, signal, leftOut } = noiseOf(gradients);
        return { value: round(value, 6), signal: round(signal, 6), leftOut: leftOut.map((each) => round(each, 8)) };
      } finally {
        parameters.dispose();
      }
    },
  ) as unknown as Promise<GradientNoise>;

/** What the run says of levels and their weight. */
const law = ({ law: use, pMean, pStd, weighting }: { readonly [option: string]: unknown }): { readonly [option: string]: Json } =>
  Object.fromEntries(Object.entries({ law: use, pMean, pStd, weighting }).filter(([, each]) => each !== undefined)) as {
    [name: string]: Json;
  };

/** tr Cov = Σ‖g_i − ḡ‖²/(m − 1) and ‖E g‖² = Σ_{i≠j} g_i·g_j/(m (m − 1)), from the products of all pairs. */
export const noiseOf = (gradients: readonly Float32Array[]) => {
  const products = gradients.map((a, i) => gradients.slice(0, i + 1).map((b) => dot(a, b)));
  const of = (chosen: readonly number[]): { readonly noise: number; readonly signal: number } => {
    const m = chosen.length;
    let [own, all] = [0, 0];
    for (const i of chosen)
      for (const j of chosen) {
        const product = products[Math.max(i, j)]![Math.min(i, j)]!;
        all += product;
        if (i === j) own += product;
      }
    return { noise: (own - all / m) / (m - 1), signal: (all - own) / (m * (m - 1)) };
  };
  const every = gradients.map((_, i) => i);
  const leftOut = Array.from({ length: GROUPS }, (_, g) => of(every.filter((i) => i % GROUPS !== g)).noise);
  return { ...of(every), leftOut };
};

const dot = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};
