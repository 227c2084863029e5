import type { Json } from '@tweedie/core';
import type { Section } from '@tweedie/cli';
import type { Pool } from '@tweedie/cli';

/** `not decided`: the interval lets both be true. */
export type Verdict = 'held' | 'not held' | 'not decided' | 'not measurable here' | 'not run';

/** One sentence of a paper, and what became of it here. */
export interface Finding {
  /** What the paper says, in our words. */
  readonly claim: string;
  /** Data, network, n, seeds, network calls. */
  readonly ran: string;
  /** The number that decides, with its interval. */
  readonly measured: string;
  readonly verdict: Verdict;
  /** Why it does not hold or cannot be measured, as far as that is known. */
  readonly because?: string;
}

/** What a study comes to: tables and curves of sections stand in docs/claims.md and in the report. */
export interface Conclusion {
  readonly findings: readonly Finding[];
  readonly sections: readonly Section[];
  readonly notes?: readonly string[];
}

/** What a study works with. */
export interface Lab {
  /** The reduced version: all claims together in less than ten minutes. */
  readonly quick: boolean;
  /** Where trained runs and statistics of this study may be kept; not part of the repository. */
  readonly folder: string;
  /** Folder of the project. */
  readonly root: string;
  /**
   * The value of one cell: read where it was made before, made by `make` and stored otherwise. `key` is everything that decides the
   * value, and nothing else; its hash is the cell's name. Values are rounded to what is worth keeping by whoever makes them.
   */
  cell<T extends Json>(key: { readonly [name: string]: Json }, make: () => Promise<T>): Promise<T>;
  /** Workers to draw with; undefined where there is one process. */
  pool(): Promise<Pool | undefined>;
  print(line: string): void;
  readonly signal?: AbortSignal;
}

/** The central claims of one paper. */
export interface Claim {
  /** What `--only` calls it. */
  readonly id: string;
  /** Name of the method. */
  readonly method: string;
  /** Authors, title, arXiv number. */
  readonly paper: string;
  /**
   * What its cells may take together in one run, in minutes. A cell that was begun is ended; the next run goes on. The whole version is
   * reckoned for two cores and native TensorFlow, the reduced one for any engine.
   */
  readonly budget: { readonly whole: number; readonly quick: number };
  /**
   * Makes the cells that are not there, and concludes from all of them. It is run again for the documents with a `lab` whose `cell`
   * only reads, so that nothing but cells may take time, and nothing outside them may decide a number.
   */
  study(lab: Lab): Promise<Conclusion>;
}
