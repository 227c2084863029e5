import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { Dataset } from './dataset.ts';
import type { Metric } from './metric.ts';
import type { Model } from './model.ts';
import type { Json, Network } from './network.ts';
import type { Noise } from './noise.ts';
import type { Objective } from './objective.ts';
import type { Preconditioner } from './preconditioner.ts';
import type { Sampler } from './sampler.ts';
import type { Schedule } from './schedule.ts';

/** The version of these contracts. A plugin of another version is refused by name. */
export const API = 1;

/** What each kind of method makes. */
export interface Provided {
  objective: Objective;
  sampler: Sampler;
  metric: Metric;
  network: Network;
  schedule: Schedule;
  preconditioner: Preconditioner;
  data: Dataset;
}
export type Kind = keyof Provided;

/**
 * A schema of options that validates (Standard Schema v1) and describes itself as JSON Schema, so that the command line
 * can make flags and help of it. Zod ≥ 4.2, ArkType ≥ 2.1.28 and Valibot (with its to-json-schema) give both.
 */
export interface OptionsSchema<Input = unknown, Output = Input> {
  readonly '~standard': StandardSchemaV1.Props<Input, Output> & StandardJSONSchemaV1.Props<Input, Output>;
}

/** Numbers that were measured once: tensors under a header that says what they are of. A factory receives them read and checked. */
export interface StatisticsFile {
  /** The file's name, for errors. */
  readonly subject?: string;
  /** kind, and what it depends on: data, range, layout, shape, n, seed; model, schedule. */
  readonly header: { readonly [key: string]: Json };
  readonly tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array | Float64Array }>>;
}

/** What statistics are estimated from. */
export interface StatisticsContext {
  readonly dataset?: Dataset;
  /** Where `needs` is `model`: a trained model, its schedule within it, and the hash of its weights. */
  readonly model?: Model;
  readonly modelHash?: string;
  readonly noise?: Noise;
  readonly seed: bigint;
  /** Points to use; what the method thinks right without it. */
  readonly n?: number;
  /** Options of the estimator, by its own schema. */
  readonly options?: Readonly<Record<string, unknown>>;
  onProgress?(done: number, total: number): void;
}

/** A file of numbers that a method wants, and how to make it: `tweedie stats KIND DATA`, or `tweedie stats KIND RUN`. */
export interface Statistics {
  /** e.g. `gaussian`, `pds-filter`, `deis-profile`. */
  readonly kind: string;
  /** One sentence for `--help`. */
  readonly summary: string;
  readonly needs: 'data' | 'model';
  /** The option of the method that takes them: a path in a configuration, a {@link StatisticsFile} in code. */
  readonly option?: string;
  /** Options of the estimator. */
  readonly options?: OptionsSchema;
  estimate(context: StatisticsContext): Promise<StatisticsFile>;
}

/** One method of a plugin: a name, a factory, and its options in a form that validates and describes itself. */
export interface Provision<K extends Kind = Kind, Options = unknown> {
  readonly kind: K;
  readonly name: string;
  /** One sentence for `tweedie plugins` and `--help`. */
  readonly summary: string;
  readonly options: OptionsSchema<unknown, Options>;
  /** Receives validated options. Network and data may be asynchronous (files are read). */
  create(options: Options): Provided[K] | Promise<Provided[K]>;
  readonly statistics?: Statistics;
  /** Options that are methods themselves, by kind: a configuration names them (`then: { use: 'heun' }`), `create` receives them made. */
  readonly parts?: Readonly<Record<string, Kind>>;
}

export interface Plugin {
  readonly kind: 'plugin';
  /** The npm package's name. */
  readonly name: string;
  readonly version: string;
  readonly api: typeof API;
  readonly provides: readonly Provision[];
}
