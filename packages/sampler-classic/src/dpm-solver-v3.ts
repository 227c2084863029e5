import { add, addN, mul, reshape, sub, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { checkLevels, tweedieError, type Plan, type Sampler, type StatisticsFile } from '@tweedie/core';
import { z } from 'zod';
import { pairs } from './ancestral.ts';
import { lowersFinal, orderAt } from './dpmpp.ts';
import { gaussianEms, tableEms, type Ems, type Integrals } from './ems.ts';
import { factsOf } from './facts.ts';

/**
 * DPM-Solver-v3: what is extrapolated is neither x̂₀ nor ε̂ but, pixel by pixel, the combination that changes least along the flow.
 *
 * K. Zheng, C. Lu, J. Chen, J. Zhu: DPM-Solver-v3: Improved Diffusion ODE Solver with Empirical Model Statistics (2310.13268), §3.
 * In y = x/α, λ = −log ρ, with the statistics l, s, b of `ems.ts` and L = ∫l, S = ∫s, B = ∫e^{−S} b:
 *
 *     f = ρ ε̂ − l y = (1 − l) y − x̂₀,        g(j; s) = e^{S_s − S_j} f_j − e^{S_s} (B_j − B_s)
 *     y_t = e^{L_s − L_t} y_s − Σ_{k ≥ 0} M_k g^{(k)}/k! − C,      M_k = ∫ e^{L − L_t + S − S_s} (λ − λ_s)^k dλ
 *     C = ∫ e^{L − L_t + S − S_s} e^{S_s} (B − B_s) dλ
 *
 * g^{(k)} at λ_s by the polynomial through the answers before (order − 1 of them), or `pseudo`: the leading divided difference of each degree.
 * The corrector takes the same step once more, with the answer at λ_t in the place of the oldest. f at λ_t is not changed by it: the
 * published update of ε̂ is the one that leaves f as it is. l = 1, s = b = 0 is DPM-Solver++, l = 0, s = −1, b = 0 is DPM-Solver.
 */
const reference = `@inproceedings{zheng2023dpmsolverv3,
  title     = {{DPM-Solver-v3}: Improved Diffusion {ODE} Solver with Empirical Model Statistics},
  author    = {Zheng, Kaiwen and Lu, Cheng and Chen, Jianfei and Zhu, Jun},
  booktitle = {Advances in Neural Information Processing Systems},
  volume    = {36},
  year      = {2023},
  eprint    = {2310.13268},
  archivePrefix = {arXiv}
}`;

/** A file's shape, for a schema that can be written as JSON Schema; its contents are read by {@link tableEms}. */
const file = z.looseObject({
  header: z.record(z.string(), z.unknown()),
  tensors: z.record(z.string(), z.unknown()),
}) as unknown as z.ZodType<StatisticsFile>;

const numbers = z.union([z.number(), z.array(z.number()).min(1)]);

export const dpmSolverV3Options = z.strictObject({
  order: z
    .union([z.literal(1), z.literal(2), z.literal(3)])
    .optional()
    .describe('Answers that a step is made of; 3 with statistics, 2 without'),
  statistics: z.union([z.string(), file]).optional().describe('File of v3-ems statistics of the model; without it a Gaussian’s'),
  dataMean: numbers.default(0).describe('Without statistics: mean of the data, one for all or of each pixel'),
  sigmaData: numbers.default(0.5).describe('Without statistics: standard deviation of the data, likewise; 0 is DPM-Solver++'),
  corrector: z.boolean().default(false).describe('Take each step once more with the answer at its end; costs no call (6 calls or fewer)'),
  pseudo: z.boolean().default(false).describe('Leading divided differences in the place of derivatives: steadier at 5 calls'),
  lowerOrderFinal: z
    .enum(['auto', 'always', 'never'])
    .default('auto')
    .describe("Lower the order of the last steps: steadier images at few steps. 'auto' does below 15 steps"),
});
export type DpmSolverV3Options = z.input<typeof dpmSolverV3Options>;

/** DPM-Solver-v3. NFE = N. The coefficients of a plan are those of each pixel; `steps` prints their means. */
export const dpmSolverV3 = (options: DpmSolverV3Options = {}): Sampler => {
  const { statistics, dataMean, sigmaData, corrector, pseudo, lowerOrderFinal, ...given } = dpmSolverV3Options.parse(options);
  const name = 'dpm-solver-v3';
  const ems = statistics === undefined ? fallback(dataMean, sigmaData) : tableEms(opened(statistics));
  const order = given.order ?? (statistics === undefined ? 2 : 3);
  const facts = factsOf({ order, stochastic: false });
  const made = new WeakMap<Plan, readonly Coefficients[]>(); // a function of the plan, remembered

  const coefficientsOf = (levels: Float64Array): readonly Coefficients[] => {
    const count = levels.length - 1;
    const lowered = lowersFinal(lowerOrderFinal, count);
    const integrals = pairs(levels).map(([rho, next]) => (next === 0 ? undefined : ems.between(rho, next)));
    const orders = integrals.map((_, i) => orderAt(order, i, count, lowered));
    return integrals.map((own, i): Coefficients => {
      const rest = ems.l(levels[i]!).map((l) => 1 - l);
      const before = integrals.slice(0, i).toReversed() as Integrals[]; // newest first
      const lambdas = Array.from(levels.subarray(0, i + 1), (rho) => -Math.log(rho)).toReversed();
      const correct = corrector && i > 0 && orders[i - 1]! > 1 ? corrected(before, lambdas, orders[i - 1]!) : undefined;
      const step = own === undefined ? undefined : update(own, pastNodes(before, lambdas, orders[i]! - 1), pseudo);
      return { order: own === undefined ? 1 : orders[i]!, rest, ...(step && { step }), ...(correct && { correct }) };
    });
  };

  return Object.freeze<Sampler>({
    kind: 'sampler',
    api: 1,
    name,
    facts: Object.freeze(facts),
    reference,

    plan: (schedule, levels) => {
      checkLevels(name, levels, facts);
      checkRange(name, ems, levels);
      const count = levels.length - 1;
      const coefficients = coefficientsOf(levels);
      const steps = coefficients.map(({ order: own, rest, step, correct }) => ({
        order: own,
        rest: average(rest),
        ...(step === undefined ? { keep: 0, model: [], constant: 0 } : printed(step)),
        ...(correct === undefined ? {} : { correct: Object.values(printed(correct)).flat() }),
      }));
      const lowered = lowersFinal(lowerOrderFinal, count);
      const notes = [
        ...(statistics === undefined ? ['without statistics of the model: a Gaussian’s'] : []),
        ...(ems.shape === undefined ? [] : ['coefficients are of each pixel; these are their means']),
        ...(count < order ? [`${count} step${count === 1 ? '' : 's'}: history for order ${count} at most`] : []),
        ...(levels[count] === 0 ? ['the last step, to ρ = 0, is x̂₀ itself: order 1'] : []),
        ...(lowered && count > 1 && order > 1
          ? [`the last of ${count} steps are of lower order (lowerOrderFinal: ${lowerOrderFinal})`]
          : []),
      ];
      const plan: Plan = Object.freeze({ sampler: name, schedule, levels: levels.slice(), nfe: count, steps, notes });
      made.set(plan, coefficients);
      return plan;
    },

    async *steps(denoise, start, plan) {
      checkShape(name, ems, start.shape.slice(1));
      const coefficients = made.get(plan) ?? coefficientsOf(plan.levels);
      const owned = new Set<Tensor>();
      const own = (t: Tensor): Tensor => (owned.add(t), t);
      const freeAllBut = (...kept: readonly Tensor[]): void =>
        owned.forEach((t) => {
          if (!kept.includes(t) && owned.delete(t)) t.dispose();
        });
      let y = start;
      let before = start; // what the step before began from
      let history: Tensor[] = []; // f, newest first
      try {
        for (const [i, { rest, step, correct }] of coefficients.entries()) {
          const rho = plan.levels[i]!;
          const x0 = own(await denoise(y, rho));
          yield { i, rho, y, x0 };
          const f = own(tidy(() => sub(times(y, rest), x0)));
          if (correct !== undefined) y = own(apply(correct, before, [f, ...history]));
          // To ρ = 0: x̂₀, which is (1 − l) y − f.
          const next = own(step === undefined ? tidy(() => sub(times(y, rest), f)) : apply(step, y, [f, ...history]));
          before = y;
          y = next;
          history = [f, ...history].slice(0, order);
          freeAllBut(y, before, ...history);
        }
        owned.delete(y);
        return y;
      } finally {
        freeAllBut();
      }
    },
  });
};

/** y' = keep y + Σ_j model[j] f_j + constant, each elementwise or one number. */
interface Update {
  readonly keep: Float64Array;
  /** Of f, newest first. */
  readonly model: readonly Float64Array[];
  readonly constant: Float64Array;
}

interface Coefficients {
  readonly order: number;
  /** 1 − l. */
  readonly rest: Float64Array;
  /** None where the step is to ρ = 0. */
  readonly step?: Update;
  /** Of [f of this step, …], from where the step before began. */
  readonly correct?: Update;
}

/** A point that g's polynomial goes through beside λ_s: g_j = scale f_j − offset at λ_s + delta. */
interface Node {
  readonly delta: number;
  /** e^{S_s − S_j} */
  readonly scale: Float64Array;
  /** e^{S_s} (B_j − B_s) */
  readonly offset: Float64Array;
}

/** The `count` levels before λ_s. `before` are the integrals of the steps that led from each to the next, newest first. */
const pastNodes = (before: readonly Integrals[], lambdas: readonly number[], count: number): Node[] => {
  const nodes: Node[] = [];
  for (let j = 0; j < count; j++) {
    const { growth, shift } = before[j]!;
    const last = nodes.at(-1);
    const scale = growth.map((g, k) => g * (last?.scale[k] ?? 1));
    nodes.push({
      delta: lambdas[j + 1]! - lambdas[0]!,
      scale,
      offset: shift.map((b, k) => (last?.offset[k] ?? 0) - scale[k]! * b),
    });
  }
  return nodes;
};

/** The step that led here once more, of the same order: nodes are its end and all but the oldest before its start. */
const corrected = (before: readonly Integrals[], lambdas: readonly number[], order: number): Update => {
  const [own, ...earlier] = before;
  const end: Node = { delta: lambdas[0]! - lambdas[1]!, scale: own!.growth.map((g) => 1 / g), offset: own!.shift };
  const { keep, model, constant } = update(own!, [end, ...pastNodes(earlier, lambdas.slice(1), order - 2)], false);
  const [start, first, ...others] = model;
  return { keep, model: [first!, start!, ...others], constant }; // newest first: the end, then the start
};

/** y_t of [f_s, f of each node]. */
const update = ({ keep, moments, constant }: Integrals, nodes: readonly Node[], pseudo: boolean): Update => {
  const weights = differences(nodes.map(({ delta }) => delta), pseudo); // prettier-ignore
  // Σ_k M_k g^{(k)}/k! = Σ_j Q_j (g_j − g_s)
  const pulls = nodes.map((_, j) => keep.map((__, k) => weights.reduce((sum, row, p) => sum + moments[(p + 1) as 1 | 2][k]! * row[j]!, 0)));
  return {
    keep,
    model: [
      moments[0].map((m, k) => -m + pulls.reduce((sum, q) => sum + q[k]!, 0)),
      ...nodes.map(({ scale }, j) => scale.map((e, k) => -pulls[j]![k]! * e)),
    ],
    constant: constant.map((c, k) => -c + nodes.reduce((sum, { offset }, j) => sum + pulls[j]![k]! * offset[k]!, 0)),
  };
};

/** Rows p: weights of g_j − g_s in g^{(p)}/p! at λ_s, from one or two nodes. */
const differences = (deltas: readonly number[], pseudo: boolean): readonly (readonly number[])[] => {
  const [a, b] = deltas;
  if (a === undefined) return [];
  if (b === undefined) return [[1 / a]];
  const det = a * b * (b - a);
  return [pseudo ? [1 / a, 0] : [(b * b) / det, -(a * a) / det], [-b / det, a / det]];
};

const apply = ({ keep, model, constant }: Update, y: Tensor, answers: readonly Tensor[]): Tensor =>
  tidy(() => {
    const sum = addN([times(y, keep), ...model.map((weights, j) => times(answers[j]!, weights))]);
    return constant.every((c) => c === 0) ? sum : add(sum, elements(constant, y));
  });

/** A tensor times one number, or times numbers of each element of a row. */
const times = (t: Tensor, by: Float64Array): Tensor => mul(t, by.length === 1 ? by[0]! : elements(by, t));

const elements = (values: Float64Array, like: Tensor): Tensor =>
  values.length === 1 ? tensor(values) : reshape(tensor(Float32Array.from(values)), [1, ...like.shape.slice(1)]);

const average = (values: Float64Array): number => values.reduce((sum, v) => sum + v, 0) / values.length;

const printed = ({ keep, model, constant }: Update): { keep: number; model: number[]; constant: number } => ({
  keep: average(keep),
  model: model.map(average),
  constant: average(constant),
});

const fallback = (mean: number | readonly number[], std: number | readonly number[]): Ems => {
  const [mu, sigma] = [[mean].flat(), [std].flat()];
  const bad = sigma.find((s) => !(s >= 0 && Number.isFinite(s)));
  if (bad !== undefined)
    throw tweedieError({ subject: 'dpm-solver-v3', problem: 'sigmaData is no standard deviation', got: bad, expected: 'numbers ≥ 0' });
  if (mu.length > 1 && sigma.length > 1 && mu.length !== sigma.length)
    throw tweedieError({
      subject: 'dpm-solver-v3',
      problem: 'dataMean and sigmaData are of different lengths',
      got: [mu.length, sigma.length],
      expected: 'one number, or as many as there are pixels',
    });
  return gaussianEms(mu, sigma);
};

const opened = (statistics: string | StatisticsFile): StatisticsFile => {
  if (typeof statistics !== 'string') return statistics;
  throw tweedieError({
    subject: 'dpm-solver-v3',
    problem: 'statistics are given as a path',
    got: statistics,
    expected: 'a file that was read',
    remedy: 'read it with decodeStatistics',
  });
};

const checkRange = (subject: string, { levels: known }: Ems, levels: Float64Array): void => {
  if (known === undefined) return;
  const positive = levels.filter((rho) => rho > 0);
  const [least, most] = [positive.at(-1)!, positive[0]!];
  if (least >= known[0] * (1 - 1e-5) && most <= known[1] * (1 + 1e-5)) return;
  throw tweedieError({
    subject,
    problem: 'the levels leave those of the statistics',
    got: [most, least],
    expected: `ρ from ${known[1]} to ${known[0]}`,
    remedy: 'sample between them, or make the statistics over all the levels of the model',
  });
};

const checkShape = (subject: string, { shape }: Ems, given: readonly number[]): void => {
  if (shape === undefined) return;
  const size = (of: readonly number[]): number => of.reduce((product, n) => product * n, 1);
  // A list of each pixel says how many there are, not how they lie.
  if (shape.length === 1 ? size(shape) === size(given) : shape.join() === given.join()) return;
  throw tweedieError({
    subject,
    problem: 'the statistics are of another shape than the images',
    got: shape,
    expected: `[${given.join(', ')}]`,
    remedy: 'make them from this model and its data',
  });
};
