import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { Dataset } from './dataset.ts';
import type { Metric } from './metric.ts';
import type { Json, Network } from './network.ts';
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

/** A file of numbers that a method wants, and how to make it from data: `tweedie stats KIND DATA`. */
export interface Statistics {
  /** e.g. `gaussian`, `pds-filter`, `deis-profile`. */
  readonly kind: string;
  /** One sentence for `--help`. */
  readonly summary: string;
  readonly needs: 'data' | 'model';
  /** Tensors and a header for a statistics file, from `dataset`. */
  estimate(context: { readonly dataset?: Dataset; readonly seed: bigint; readonly n?: number }): Promise<{
    readonly header: { readonly [key: string]: Json };
    readonly tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array | Float64Array }>>;
  }>;
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
}

export interface Plugin {
  readonly kind: 'plugin';
  /** The npm package's name. */
  readonly name: string;
  readonly version: string;
  readonly api: typeof API;
  readonly provides: readonly Provision[];
}
