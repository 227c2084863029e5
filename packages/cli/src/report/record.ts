import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';

/** Where something was made. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  /** GiB. */
  readonly memory: number;
  readonly os: string;
  readonly node: string;
}

/** This machine: cores that a process may use, not those that the box has. */
export const describeMachine = (): Machine =>
  Object.freeze<Machine>({
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memory: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    os: `${platform()} ${release()} (${arch()})`,
    node: process.versions.node,
  });

/** What made the numbers of a report: enough to make them again. */
export interface ReportRecord {
  /** The command line, as it was typed. */
  readonly command: string;
  /** When the run ended, ISO 8601. */
  readonly date: string;
  readonly seed: bigint | number | string;
  /** The engine that ran, e.g. `wasm (1 thread)`. */
  readonly engine: string;
  readonly machine: Machine;
  /** The resolved configuration. Nested objects become dotted keys. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Version by package: ours, the plugins', TensorFlow.js. */
  readonly versions: Readonly<Record<string, string>>;
  /** Seconds by phase: `{ training: 120, sampling: 8.1 }`. */
  readonly seconds?: Readonly<Record<string, number>>;
}
