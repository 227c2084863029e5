import { add, addN, mul, sub, tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { Denoiser } from '../contracts/model.ts';
import { STREAM, type Noise } from '../contracts/noise.ts';
import type { Plan, PlanStep, Sampler, Step } from '../contracts/sampler.ts';
import type { Schedule } from '../contracts/schedule.ts';
import { checkLevels } from '../process/levels.ts';

/**
 * One step of a solver that is linear in the model's answers: all of a sampler but the network, as numbers. With m the answers, this
 * step's first (m₀ and those of its stages), then those of the steps before, newest first:
 *
 *     correct    y ← correct[0] y₋₁ + Σ_j correct[1+j] m_j           y₋₁: what the step before started its update from
 *     stage k    y_k = stages[k][0] y + Σ_j stages[k][1+j] m_j + stageNoise[k] z,    then m_k = model(y_k, at[k])
 *     update     y' = keep y + Σ_j model[j] m_j + noise z
 */
export interface LinearStep {
  readonly keep: number;
  readonly model: readonly number[];
  readonly noise?: number;
  readonly at?: readonly number[];
  readonly stages?: readonly (readonly number[])[];
  readonly stageNoise?: readonly number[];
  readonly correct?: readonly number[];
}

/** What the history remembers: x̂₀ = D(y, ρ), or ε̂ = (y − D)/ρ. */
export type Remembered = 'x0' | 'eps';

/** A linear step in the flat form in which plans are printed: stages as `stage1`, `stage2`, …. */
export const printed = ({ stages = [], ...rest }: LinearStep): PlanStep => ({
  ...(rest as PlanStep),
  ...Object.fromEntries(stages.map((stage, k) => [`stage${k + 1}`, stage])),
});

const read = (step: PlanStep): LinearStep => {
  const own = step as PlanStep & LinearStep;
  const stages = (own.at ?? []).map((_, k) => step[`stage${k + 1}`] as readonly number[]);
  return { ...own, stages };
};

/** Network calls of a plan of linear steps. */
export const callsOf = (steps: readonly PlanStep[]): number =>
  steps.reduce((total, step) => total + 1 + ((step as PlanStep & LinearStep).at?.length ?? 0), 0);

/**
 * Runs a plan of {@link LinearStep}s: the one loop of every fixed-grid solver. Holds the state, at most as many answers as a step
 * looks back on, and what it is working on. Frees all of it on completion, break and throw. Noise of step i is its draws at `step: i`.
 */
export async function* linearSteps(
  denoise: Denoiser,
  start: Tensor,
  plan: Plan,
  noise: Noise,
  remembered: Remembered = 'x0',
): AsyncGenerator<Step, Tensor, void> {
  const steps = plan.steps.map(read);
  const owned = new Set<Tensor>();
  const own = (tensor: Tensor): Tensor => {
    owned.add(tensor);
    return tensor;
  };
  const free = (tensor: Tensor | undefined): void => {
    if (tensor !== undefined && owned.delete(tensor)) tensor.dispose();
  };
  const normal = (like: Tensor, step: number, draw: number): Tensor => noise.normal(like.shape, { stream: STREAM.sampler, step, draw });
  /** What the model says at y, as it is remembered. */
  const answer = (y: Tensor, x0: Tensor, rho: number): Tensor => (remembered === 'x0' ? x0 : own(tidy(() => mul(sub(y, x0), 1 / rho))));

  let y = start;
  let before: Tensor | undefined; // y₋₁, kept only where the next step corrects
  let history: Tensor[] = []; // answers of the steps before, newest first
  let returned = false;
  try {
    for (const [i, step] of steps.entries()) {
      const rho = plan.levels[i]!;
      const x0 = own(await denoise(y, rho));
      yield { i, rho, y, x0 };
      const answers = [answer(y, x0, rho)];
      if (answers[0] !== x0) free(x0);
      if (step.correct !== undefined) {
        const corrected = own(combined([before!, ...answers, ...history], step.correct));
        free(y);
        y = corrected;
      }
      free(before);
      before = undefined;
      for (const [k, stage] of step.stages!.entries()) {
        const at = step.at![k]!;
        const sd = step.stageNoise?.[k] ?? 0;
        const state = own(
          tidy(() => {
            const drawn = combined([y, ...answers, ...history], stage);
            return sd === 0 ? drawn : add(drawn, mul(normal(y, i, k + 1), sd));
          }),
        );
        const own0 = own(await denoise(state, at));
        answers.push(answer(state, own0, at));
        if (answers.at(-1) !== own0) free(own0);
        free(state);
      }
      const next = own(
        tidy(() => {
          const drawn = combined([y, ...answers, ...history], [step.keep, ...step.model]);
          return (step.noise ?? 0) === 0 ? drawn : add(drawn, mul(normal(y, i, 0), step.noise!));
        }),
      );
      // What the steps to come look back on: this step's first answer and those before it.
      const reach = lookBack(steps[i + 1]);
      const kept = [answers[0]!, ...history].slice(0, reach);
      [...answers, ...history].filter((each) => !kept.includes(each)).forEach(free);
      history = kept;
      if (steps[i + 1]?.correct === undefined) free(y);
      else before = y;
      y = next;
    }
    returned = true;
    owned.delete(y);
    return y;
  } finally {
    if (returned) owned.delete(y);
    owned.forEach((tensor) => tensor.dispose());
  }
}

/** How many answers of earlier steps a step uses. */
const lookBack = (step: LinearStep | undefined): number => {
  if (step === undefined) return 0;
  const own = 1 + (step.at?.length ?? 0);
  return Math.max(step.model.length - own, (step.correct?.length ?? 0) - 2, 0);
};

/** Σ weights·tensors; weights may be fewer, and zeros cost nothing. */
const combined = (tensors: readonly Tensor[], weights: readonly number[]): Tensor =>
  tidy(() => {
    const terms = weights.flatMap((w, j) => (w === 0 ? [] : [mul(tensors[j]!, w)]));
    return terms.length === 0 ? mul(tensors[0]!, 0) : addN(terms);
  });

/** What makes a solver of linear steps a {@link Sampler}. */
export interface LinearSolver extends Pick<Sampler, 'name' | 'facts' | 'reference'> {
  readonly remembered?: Remembered;
  /** Coefficients of each step, and what was lowered or replaced, in sentences. The levels have been checked. */
  coefficients(schedule: Schedule, levels: Float64Array): { readonly steps: readonly LinearStep[]; readonly notes?: readonly string[] };
}

/** A sampler of linear steps: `plan` checks the levels and prints the coefficients, `steps` runs them. */
export const linearSampler = ({ name, facts, reference, remembered, coefficients }: LinearSolver): Sampler =>
  Object.freeze<Sampler>({
    kind: 'sampler',
    api: 1,
    name,
    facts: Object.freeze(facts),
    reference,
    plan: (schedule, levels) => {
      checkLevels(name, levels, facts);
      const { steps, notes = [] } = coefficients(schedule, levels);
      const plan = steps.map(printed);
      return Object.freeze({ sampler: name, schedule, levels: levels.slice(), nfe: callsOf(plan), steps: plan, notes });
    },
    steps: (denoise, y, plan, noise) => linearSteps(denoise, y, plan, noise, remembered),
  });
