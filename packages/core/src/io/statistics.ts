import type { Dataset } from '../contracts/dataset.ts';
import { tweedieError } from '../contracts/error.ts';
import type { Json } from '../contracts/network.ts';
import type { StatisticsFile } from '../contracts/plugin.ts';
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from './safetensors.ts';

/** The format that statistics files name in their metadata. */
const FORMAT = 'tweedie-statistics-1';

/** Statistics as a file: safetensors with the header as JSON in its metadata. */
export const encodeStatistics = ({ header, tensors }: StatisticsFile): Uint8Array =>
  encodeSafetensors({
    tensors: tensors as Readonly<Record<string, StoredTensor>>,
    metadata: { format: FORMAT, header: JSON.stringify(header) },
  });

/** Reads what {@link encodeStatistics} wrote; trusts nothing. `subject` names the file in errors. */
export const decodeStatistics = (bytes: Uint8Array, subject: string): StatisticsFile => {
  const { tensors, metadata } = decodeSafetensors(bytes, subject);
  const refuse = (problem: string, got: unknown): never => {
    throw tweedieError({ subject, problem, got, expected: `a file that \`tweedie stats\` wrote (${FORMAT})`, remedy: 'make it anew' });
  };
  if (metadata['format'] !== FORMAT) refuse('this is no file of statistics', metadata['format'] ?? 'no format');
  let header: unknown;
  try {
    header = JSON.parse(metadata['header'] ?? '');
  } catch {
    refuse('the header of the statistics cannot be read', metadata['header'] ?? 'no header');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header) || typeof (header as { kind?: unknown }).kind !== 'string')
    refuse('the header of the statistics says no kind', header);
  const floats = Object.entries(tensors).map(([name, { shape, data }]) => {
    if (!(data instanceof Float32Array || data instanceof Float64Array))
      return refuse(`"${name}" does not hold floating-point numbers`, data);
    const bad = data.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0) refuse(`"${name}" holds a number that is not finite`, data[bad]);
    return [name, { shape, data }] as const;
  });
  return Object.freeze({
    subject,
    header: Object.freeze(header as StatisticsFile['header']),
    tensors: Object.freeze(Object.fromEntries(floats)),
  });
};

/** What statistics must agree with; what is left out is not asked. */
export interface StatisticsDemands {
  readonly kind: string;
  readonly shape?: readonly number[];
  readonly range?: readonly [number, number];
  readonly layout?: 'NHWC';
  /** Hash of the model that they were made from. */
  readonly model?: string;
  readonly [key: string]: Json | undefined;
}

/** Refuses statistics that belong to something else: kind, shape, range, layout, model, or any other key of the header. */
export const checkStatistics = ({ subject = 'statistics', header }: StatisticsFile, demands: StatisticsDemands): void => {
  for (const [key, wanted] of Object.entries(demands)) {
    if (wanted === undefined) continue;
    const got = header[key];
    if (JSON.stringify(got) === JSON.stringify(wanted)) continue;
    throw tweedieError({
      subject,
      problem: `these statistics are of another ${key}`,
      got: got ?? 'nothing',
      expected: typeof wanted === 'string' ? wanted : JSON.stringify(wanted),
      remedy: key === 'model' ? 'make them from this model' : 'make them from the data that the model was trained on, in the same form',
    });
  }
};

/** What the header of statistics of a data set says of it. */
export const dataHeader = (dataset: Dataset, n: number, seed: bigint): StatisticsFile['header'] => ({
  data: dataset.id,
  shape: [...dataset.shape],
  layout: 'NHWC',
  ...(dataset.range === undefined ? {} : { range: [...dataset.range] }),
  n,
  seed: Number(seed),
});
