/** What a Tweedie error says: who speaks, what was got, what was expected, and what to do about it. */
export interface Complaint {
  /** Who speaks: a package, a file, a configuration key. Printed in brackets. */
  readonly subject: string;
  /** What is wrong, as a clause: `the grid does not decrease`. */
  readonly problem: string;
  readonly got?: unknown;
  readonly expected?: string;
  /** What the reader should do now. */
  readonly remedy?: string;
  /** Only where a program would branch on it. */
  readonly code?: string;
  readonly cause?: unknown;
}

/** The one error of Tweedie. `exitCode` is what the command line ends with: 2 for bad input, 1 for what failed while running. */
export interface TweedieError extends Error {
  readonly name: 'TweedieError';
  readonly complaint: Complaint;
}

/** One clear sentence: `[subject] problem: got …, expected …; remedy.` */
export const tweedieError = (complaint: Complaint): TweedieError => {
  const { subject, problem, got, expected, remedy, cause } = complaint;
  const facts = [got === undefined ? '' : `got ${show(got)}`, expected === undefined ? '' : `expected ${expected}`]
    .filter(Boolean)
    .join(', ');
  const message = `[${subject}] ${problem}${facts && `: ${facts}`}${remedy === undefined ? '' : `; ${remedy}`}`;
  const error = new Error(message, cause === undefined ? undefined : { cause });
  return Object.assign(error, { name: 'TweedieError' as const, complaint });
};

export const isTweedieError = (error: unknown): error is TweedieError =>
  error instanceof Error && error.name === 'TweedieError' && 'complaint' in error;

const show = (value: unknown): string => {
  if (typeof value === 'string') return value.length > 200 ? `${value.slice(0, 200)}…` : value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || value === null) return String(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${String((value as unknown as ArrayLike<unknown>).length)}`;
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined ? String(value) : text.length > 200 ? `${text.slice(0, 200)}…` : text;
  } catch {
    return String(value);
  }
};
