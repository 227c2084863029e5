import type { PartGradient, Shards } from '@tweedie/core';
import type { ExperimentConfig } from '../config/experiment.ts';
import { sharedFloats, type Pool } from './pool.ts';

/** The workers of a pool as the shards of a training run: weights go out and gradients come back in shared memory where there is some. */
export const shardsOf = (pool: Pool, job: { readonly config: ExperimentConfig; readonly cwd: string }): Shards => {
  let published: Float32Array | undefined;
  const gradients: Float32Array[] = [];
  return Object.freeze<Shards>({
    gradients: (step, parameters, parts) => {
      if (pool.shared) (published ??= sharedFloats(parameters.length)).set(parameters);
      const weights = published ?? parameters;
      return Promise.all(
        parts.map(async (part, i): Promise<PartGradient> => {
          const into = pool.shared ? (gradients[i] ??= sharedFloats(parameters.length)) : undefined;
          const answer = await pool.run('gradient', { ...job, step, part, weights, ...(into === undefined ? {} : { into }) });
          return into === undefined ? answer : { ...answer, gradient: Float32Array.from(into) };
        }),
      );
    },
  });
};
