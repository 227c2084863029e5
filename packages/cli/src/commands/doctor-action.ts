import { diagnose, type Finding } from '@tweedie/backend';
import { emit, table, type Context, type Exit, type Io } from '../io.ts';
import { measure } from '../machine/measure.ts';
import { fastest, measuredFile, readMeasured, stillHolds, writeMeasured, type Measured, type Purpose } from '../machine/measured.ts';
import type { Output } from '../outputs.ts';
import { startProgress, type Progress } from '../progress.ts';
import { FAILED, OK, whileRunning } from '../run/failure.ts';
import { platform, versions } from '../run/provenance.ts';
import type { DoctorFlags } from './doctor.ts';

export const runDoctor = async ({ io }: Context, { backend, measure: again = false, json }: DoctorFlags): Promise<Exit> => {
  const { cacheFolder } = await import('@tweedie/data');
  const asked = backend !== undefined || (process.env['TWEEDIE_BACKEND'] ?? '') !== '';
  const before = await readMeasured();
  const first = await diagnose({ engine: backend });
  const known = before !== undefined && stillHolds(before, first) ? before : undefined;
  const measured = again || (known === undefined && !asked) ? await whileRunning(() => measureNow(first, io)) : known;
  const best = asked || measured === undefined ? undefined : fastest(measured.rows, 'sampling')?.engine;
  const engines = best === undefined ? first : await diagnose({ engine: best });
  const chosen = engines.find((finding) => finding.chosen)?.id ?? null;
  // Nobody asked for the best but the measurement.
  const shown = engines.map(({ reason, ...finding }) => ({
    ...finding,
    reason:
      best === undefined
        ? reason
        : reason.replace(/; asked for$/, '; the fastest here').replace(`; ${best} was asked for`, `; ${best} is faster`),
  }));
  const output: Output<'doctor'> = {
    schema: 'tweedie/doctor@1',
    versions: { ...versions() },
    platform: platform(),
    chosen,
    engines: shown,
    measured: measured === undefined ? null : { file: measuredFile(), ...choices(measured), rows: measured.rows },
    cache: cacheFolder(),
  };
  const mark = (available: boolean, runs: boolean): string => (runs ? '→' : available ? '·' : '✗');
  emit(io, json, output, [
    ...table([
      ['', 'engine', 'version', ''],
      ...shown.map(({ id, available, chosen: runs, reason, version }) => [mark(available, runs), id, version ?? '–', reason]),
    ]),
    '',
    ...(measured === undefined ? [] : [...measuredLines(measured), '']),
    ...table([...Object.entries(output.versions), ['platform', output.platform], ['data sets', output.cache]]),
  ]);
  return chosen === null ? FAILED : OK;
};

const choices = ({ rows }: Measured): Readonly<Record<Purpose, { readonly engine: string; readonly workers: number }>> => {
  const of = (purpose: Purpose): { readonly engine: string; readonly workers: number } => {
    const { engine, workers } = fastest(rows, purpose)!;
    return { engine, workers };
  };
  return { sampling: of('sampling'), training: of('training') };
};

const measuredLines = (measured: Measured): string[] => {
  const { sampling, training } = choices(measured);
  const mark = (row: { readonly engine: string; readonly workers: number }): string =>
    Object.entries({ sampling, training })
      .flatMap(([purpose, { engine, workers }]) => (engine === row.engine && workers === row.workers ? [purpose] : []))
      .join(', ');
  return [
    'Digits network, images/s, medians of rounds in turn; what is fastest is used where nobody asks for anything else:',
    ...table([
      ['engine', 'workers', 'sampling', 'training', 'start', 'memory', ''],
      ...measured.rows.map((row) => [
        row.engine,
        String(row.workers),
        row.sampling.toPrecision(3),
        row.training.toPrecision(3),
        row.start === 0 ? '' : `${row.start.toPrecision(2)} s`,
        `${row.memory} MB`,
        mark(row) === '' ? '' : `← ${mark(row)}`,
      ]),
    ]),
  ];
};

/** Measures and remembers; a machine on which nothing can be measured is no failure. */
const measureNow = async (findings: readonly Finding[], io: Io): Promise<Measured | undefined> => {
  let bar: Promise<Progress> | undefined;
  const rows = await measure(findings, {
    ...(io.signal === undefined ? {} : { signal: io.signal }),
    onProgress: (done, total) => {
      bar ??= startProgress(io, { title: 'measure', total, unit: 'rounds' });
      void bar.then((progress) => progress.update(done));
    },
  }).finally(async () => (await bar)?.stop());
  return rows.length === 0 ? undefined : writeMeasured(findings, rows);
};
