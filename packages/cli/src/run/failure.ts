/** Exit codes: 0 done, 1 failed (or was interrupted) while running, 2 bad input. */
export const OK = 0;
export const FAILED = 1;
export const BAD_INPUT = 2;

const marks = new WeakMap<object, number>();

/** Marks what is thrown inside as a failure of the run itself, not of what it was given. */
export const whileRunning = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (typeof error === 'object' && error !== null) marks.set(error, FAILED);
    throw error;
  }
};

/** What the command ends with: a sentence of ours is about bad input unless it was said while running; anything else is our failure. */
export const exitCodeOf = (error: unknown): number => {
  if (typeof error !== 'object' || error === null) return FAILED;
  return marks.get(error) ?? (error instanceof Error && error.name === 'TweedieError' ? BAD_INPUT : FAILED);
};
