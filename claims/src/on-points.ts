import { composeExperiment, type ExperimentInput } from '@tweedie/cli';
import type { Json } from '@tweedie/core';
import type { Experiment } from '@tweedie/core/container';
import type { Lab } from './claim.ts';

/** An objective as a configuration names it. */
export interface NamedObjective {
  readonly use: string;
  readonly [option: string]: Json;
}

/** Methods by their names, composed on points in the plane: no images are read for them. */
export const onPoints = (
  { root }: Pick<Lab, 'root'>,
  methods: Partial<Pick<ExperimentInput, 'objective' | 'preconditioner' | 'schedule'>>,
): Promise<Experiment> => composeExperiment({ data: { use: 'swiss-roll' }, ...methods }, { cwd: root });
