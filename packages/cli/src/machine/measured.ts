import { existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '@tweedie/backend';
import { canonicalJson, readJson, writeFileAtomic } from '@tweedie/core/node';
import { cacheFolder } from '@tweedie/data';
import { z } from 'zod';
import { platform, versions } from '../run/provenance.ts';

/** What a measurement holds for; under anything else it is ignored. */
const headerSchema = z.strictObject({
  versions: z.record(z.string(), z.string()),
  platform: z.string(),
  cpu: z.string(),
  cores: z.int().min(1),
  /** Engines that could run, with their versions. */
  engines: z.record(z.string(), z.string()),
});

/** How fast so many workers with this engine are. */
export const measuredRow = z.strictObject({
  engine: z.string(),
  workers: z.int().min(1),
  /** Images a second through the network. */
  sampling: z.number().positive(),
  /** Images a second trained on. */
  training: z.number().positive(),
  /** Seconds until the workers are there; 0 for one, which is this process. */
  start: z.number().min(0),
  /** Megabytes at most of the process, its threads included. */
  memory: z.number().positive(),
});
export type MeasuredRow = z.infer<typeof measuredRow>;

const measuredSchema = z.strictObject({
  schema: z.literal('tweedie/measured@1'),
  ...headerSchema.shape,
  rows: z.array(measuredRow).min(1),
});
export type Measured = z.infer<typeof measuredSchema>;
export type Purpose = 'sampling' | 'training';

/** The file of the user's cache that says what is fastest on this machine. */
export const measuredFile = (): string => join(cacheFolder(), 'measured.json');

/** A reference in plain JavaScript is no candidate. */
const NEVER = 'cpu';

const enginesOf = (findings: readonly Finding[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    findings.filter(({ id, available }) => available && id !== NEVER).map(({ id, version }) => [id, version ?? 'unknown'] as const),
  );

/** What a measurement of this machine, with these engines, stands under. */
export const headerOf = (findings: readonly Finding[]): z.infer<typeof headerSchema> => ({
  versions: { ...versions() },
  platform: platform(),
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  engines: enginesOf(findings),
});

/** What was measured, if it was under this machine and these versions. A file that is damaged, or about others, is no obstacle. */
export const readMeasured = async (): Promise<Measured | undefined> => {
  if (!existsSync(measuredFile())) return undefined;
  const { data } = measuredSchema.safeParse(await readJson(measuredFile()).catch(() => undefined));
  return data !== undefined && same({ ...headerOf([]), engines: data.engines }, data) ? data : undefined;
};

/** Whether the engines that were found are those that were measured. */
export const stillHolds = (measured: Measured, findings: readonly Finding[]): boolean => same(headerOf(findings), measured);

const same = (header: z.infer<typeof headerSchema>, { schema: _, rows: __, ...other }: Measured): boolean =>
  canonicalJson(header) === canonicalJson(other);

export const writeMeasured = async (findings: readonly Finding[], rows: readonly MeasuredRow[]): Promise<Measured> => {
  const measured: Measured = { schema: 'tweedie/measured@1', ...headerOf(findings), rows: [...rows] };
  await writeFileAtomic(measuredFile(), `${JSON.stringify(measured, null, 2)}\n`);
  return measured;
};

/** A lead of less than this is noise: then the earlier row, of fewer workers, is chosen. */
const LEAD = 1.1;

/** What is fastest for a purpose, among all engines or of one. */
export const fastest = (rows: readonly MeasuredRow[], purpose: Purpose, engine?: string): MeasuredRow | undefined =>
  rows
    .filter((row) => engine === undefined || row.engine === engine)
    .reduce<MeasuredRow | undefined>((best, row) => (best === undefined || row[purpose] > LEAD * best[purpose] ? row : best), undefined);
