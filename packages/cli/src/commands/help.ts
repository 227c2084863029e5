/** Flags that name methods, and of what kind; with `--help` the methods' own options are listed too. */
export const METHOD_FLAGS = {
  data: 'data',
  against: 'data',
  network: 'network',
  schedule: 'schedule',
  preconditioner: 'preconditioner',
  objective: 'objective',
  sampler: 'sampler',
  metrics: 'metric',
} as const;

export const examples = (lines: readonly string[]): string => `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`;

export const EXIT_CODES = '\nExit codes: 0 done, 1 failed or interrupted while running, 2 bad input.\n';

export const SETTINGS = `
Settings of the configuration are flags with dots: --training.batchSize 32, --network.width 64, --objective.pMean -0.2.
With --help, a method that is named (--objective NAME, --sampler NAME, …) lists its own options.
`;

/** Reads a whole number for commander; what is none stays as it is and is refused where it is used. */
export const numberOf = (text: string): number => (text.trim() === '' ? NaN : Number(text));
