import { diagnose } from '@tweedie/backend';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { FAILED, OK } from '../run/failure.ts';
import { platform, versions } from '../run/provenance.ts';
import type { DoctorFlags } from './doctor.ts';

export const runDoctor = async ({ io }: Context, { backend, json }: DoctorFlags): Promise<Exit> => {
  const { cacheFolder } = await import('@tweedie/data');
  const engines = await diagnose({ engine: backend });
  const chosen = engines.find((finding) => finding.chosen)?.id ?? null;
  const output: Output<'doctor'> = {
    schema: 'tweedie/doctor@1',
    versions: { ...versions() },
    platform: platform(),
    chosen,
    engines: engines.map((finding) => ({ ...finding })),
    cache: cacheFolder(),
  };
  const mark = (available: boolean, runs: boolean): string => (runs ? '→' : available ? '·' : '✗');
  emit(io, json, output, [
    ...table([
      ['', 'engine', 'version', ''],
      ...engines.map(({ id, available, chosen: runs, reason, version }) => [mark(available, runs), id, version ?? '–', reason]),
    ]),
    '',
    ...table([...Object.entries(output.versions), ['platform', output.platform], ['data sets', output.cache]]),
  ]);
  return chosen === null ? FAILED : OK;
};
