import { tweedieError } from '../contracts/error.ts';
import { createParameters } from './parameters.ts';
import { train, type TrainOptions } from './train.ts';

/**
 * Turns a time budget into a step count, once: the steps of a scratch copy are timed and thrown away, so that the run itself
 * starts at step 0 and depends on the count alone. Record the count; a resumed run uses it.
 */
export const stepsWithin = async (
  seconds: number,
  options: Omit<TrainOptions, 'parameters' | 'steps' | 'state'>,
  initial: Readonly<Record<string, Float32Array>>,
  specs: TrainOptions['parameters']['specs'],
  {
    warmUp = 5,
    timed = 15,
    now = (): number => performance.now(),
  }: { readonly warmUp?: number; readonly timed?: number; readonly now?: () => number } = {},
): Promise<number> => {
  if (!(seconds > 0 && Number.isFinite(seconds)))
    throw tweedieError({ subject: 'budget', problem: 'no time to train', got: seconds, expected: 'seconds > 0' });
  const parameters = createParameters(specs, initial);
  const times: number[] = [];
  try {
    let last = now();
    for await (const _ of train({ ...options, parameters, steps: warmUp + timed })) {
      const at = now();
      times.push(at - last);
      last = at;
    }
  } finally {
    parameters.dispose();
  }
  const sorted = times.slice(warmUp).sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1]!;
  return Math.max(1, Math.floor((seconds * 1000) / median));
};
