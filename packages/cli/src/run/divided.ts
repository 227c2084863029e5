import { tweedieError } from '@tweedie/core';
import type { ExperimentConfig } from '../config/experiment.ts';
import { workersOn, type Workers } from '../workers/workers.ts';
import type { RunRecord } from './run-folder.ts';

/** How the steps of a run are divided. */
export interface Division {
  /** Equal parts of a batch, averaged over: they decide the bits, and a run keeps them. */
  readonly parts: number;
  /** Workers that compute them. */
  readonly workers: number;
}

export interface DivideOptions {
  readonly wished: Workers;
  readonly engine: string;
  readonly training: Pick<ExperimentConfig['training'], 'batchSize' | 'accumulate'>;
  /** Of the run that goes on. */
  readonly record: RunRecord | undefined;
  /** Whether the experiment was made here and cannot be sent. */
  readonly composed: boolean;
  readonly notice: (message: string) => void;
}

/** A fresh run is divided so that all workers have something to do; one that goes on stays as it was begun. */
export const divided = ({ wished, engine, training, record, composed, notice }: DivideOptions): Division => {
  const { batchSize, accumulate } = training;
  const refusal = (workers: number): Error | undefined => {
    if (composed)
      return tweedieError({
        subject: 'workers',
        problem: 'an experiment that was composed here cannot be sent to a worker',
        remedy: 'give its configuration alone',
      });
    if (record !== undefined || batchSize % sharedParts(accumulate, workers) === 0) return undefined;
    return tweedieError({
      subject: 'workers',
      problem: 'the batch does not divide into equal parts',
      got: `${workers} workers${accumulate === 1 ? '' : `, ${accumulate} micro-batches`}`,
      expected: `a divisor of the batch size ${batchSize}`,
      remedy: 'choose another number of workers, or training.batchSize',
    });
  };
  const possible = workersOn(engine, wished, refusal);
  const parts = record === undefined ? sharedParts(accumulate, possible) : (record.parts ?? accumulate);
  const workers = Math.min(possible, parts);
  if (typeof wished === 'number' && workers < wished)
    notice(
      `the run was begun with batches in ${parts} part${parts === 1 ? '' : 's'} and stays with that, to the bit: ${workers} of ${wished} workers ${workers === 1 ? 'has' : 'have'} something to do`,
    );
  return { parts, workers };
};

/** The least common multiple: the parts of a batch that so many workers can share evenly, micro-batches kept. */
const sharedParts = (accumulate: number, workers: number): number => {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  return (accumulate * workers) / divisor(accumulate, workers);
};
