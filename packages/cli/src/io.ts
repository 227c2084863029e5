/** Where a command reads from and writes to: the process, or a test. */
export interface Io {
  /** Results: a table, or one JSON object. */
  stdout(text: string): void;
  /** Everything else. */
  stderr(text: string): void;
  readonly cwd: string;
  /** Whether stderr is a terminal that a progress bar may draw on. */
  readonly interactive: boolean;
  /** Ctrl-C. */
  readonly signal?: AbortSignal;
}

/** What every command is given: where to write, and the dotted flags of its command line. */
export interface Context {
  readonly io: Io;
  readonly dotted: Readonly<Record<string, string>>;
  /** Help on the methods that were named, for `--help`. */
  readonly methodHelp: string;
}

/** What a command's action returns: its exit code, 0 if nothing. */
export type Exit = number | undefined;

/** Prints a result: one JSON object, or lines for people. */
export const emit = ({ stdout }: Io, json: boolean | undefined, output: { readonly schema: string }, lines: readonly string[]): void => {
  stdout(json === true ? `${JSON.stringify(output)}\n` : `${lines.join('\n')}\n`);
};

/** Lines in columns, two spaces apart; the last column runs freely. */
export const table = (rows: readonly (readonly string[])[]): string[] => {
  const widths = rows.reduce<number[]>((max, row) => row.map((cell, i) => Math.max(max[i] ?? 0, cell.length)), []);
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
};
