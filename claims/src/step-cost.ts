import { describeMachine, measureCase, type CaseResult } from '@tweedie/cli';
import { type Json } from '@tweedie/core';
import { OBJECTIVE } from '@tweedie/core/container';
import type { Lab } from './claim.ts';
import { round } from './digits.ts';
import { onPoints, type NamedObjective } from './on-points.ts';

export interface StepCost extends CaseResult {
  /** Numbers of another machine are others. */
  readonly machine: string;
}

export interface StepCostOptions {
  readonly shape: readonly [number, number, number];
  readonly batchSize: number;
  readonly rounds: number;
  /** By name, the first denoising score matching. */
  readonly objectives: readonly { readonly name: string; readonly objective: NamedObjective }[];
}

/**
 * What a training step of each objective costs against denoising score matching, all measured in turns: processor time, all threads
 * together, so that whoever else is at work counts little; and bytes of tensors at the peak.
 */
export const stepCost = (lab: Lab, { shape, batchSize, rounds, objectives }: StepCostOptions): Promise<StepCost> =>
  lab.cell(
    { kind: 'step-cost', shape: [...shape], batchSize, rounds, objectives: objectives as unknown as Json },
    async (): Promise<Json> => {
      const entrants = await Promise.all(
        objectives.map(async ({ name, objective }) => ({ name, objective: (await onPoints(lab, { objective })).get(OBJECTIVE) })),
      );
      const measured = await measureCase({
        of: { shape, batchSize, timed: true },
        entrants,
        rounds,
        warmup: 2,
        seed: 0,
        now: processorTime,
        ...(lab.signal === undefined ? {} : { signal: lab.signal }),
      });
      const { cores, processor } = describeMachine();
      const value = { ...measured, machine: `${processor}, ${cores} cores` };
      return JSON.parse(JSON.stringify(value, (_, each: unknown) => (typeof each === 'number' ? round(each) : each))) as Json;
    },
  ) as unknown as Promise<StepCost>;

/** Milliseconds of the processor, all threads of this process. */
const processorTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
