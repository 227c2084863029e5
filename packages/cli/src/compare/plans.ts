import { tweedieError, type Plan, type Sampler, type Schedule } from '@tweedie/core';
import type { ExperimentConfig } from '../config/experiment.ts';
import { levelsOf } from '../experiment/compose.ts';

/** What a sampler does within a number of network calls; without a limit, where its calls are not a matter of steps. */
export interface Within {
  readonly limit: number | null;
  readonly plan?: Plan;
  /** Why there is none, in a sentence. */
  readonly refusal?: string;
}

export interface PlansOptions {
  readonly sampler: Sampler;
  readonly schedule: Schedule;
  /** How the run spaces its levels. */
  readonly levels: ExperimentConfig['levels'];
  readonly limits: readonly number[];
  /** Evaluations of the network a call: 2 under guidance. */
  readonly evaluations: number;
}

/**
 * For each limit the plan of the most steps whose network calls do not exceed it. A sampler whose run decides how many calls it
 * takes, or which takes as many whatever its steps, has one plan, of the run's own number of steps.
 */
export const plansWithin = ({ sampler, schedule, levels, limits, evaluations }: PlansOptions): readonly Within[] => {
  const planOf = (steps: number): Plan => sampler.plan(schedule, levelsOf({ ...levels, steps }, schedule, sampler.facts.reachesZero));
  const most = Math.max(...limits);
  const last = 8 * most + 16; // a prefix may skip many of the first levels
  const plans: { readonly plan: Plan; readonly calls: number }[] = [];
  let refusal: string | undefined;
  for (let steps = 1; steps <= last; steps++) {
    try {
      const plan = planOf(steps);
      if (plan.nfe === null) return [{ limit: null, plan: planOf(levels.steps) }];
      if (plan.nfe * evaluations > most) break;
      plans.push({ plan, calls: plan.nfe * evaluations });
    } catch (error) {
      refusal = error instanceof Error ? error.message : String(error);
      if (steps > most) break;
    }
  }
  const [least] = plans;
  if (plans.length > most && plans.every(({ calls }) => calls === least!.calls)) return [{ limit: null, plan: planOf(levels.steps) }];
  return limits.map((limit): Within => {
    const plan = plans.findLast(({ calls }) => calls <= limit)?.plan;
    return plan === undefined ? { limit, refusal: refusal ?? tooFew(sampler.name, limit, evaluations) } : { limit, plan };
  });
};

const tooFew = (name: string, limit: number, evaluations: number): string =>
  tweedieError({
    subject: name,
    problem: `no plan of this sampler takes so few network calls${evaluations === 1 ? '' : ', which guidance doubles'}`,
    got: limit,
  }).message;
