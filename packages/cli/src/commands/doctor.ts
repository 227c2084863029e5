import { Command } from 'commander';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { FAILED, OK } from '../run/failure.ts';
import { EXIT_CODES, examples } from './help.ts';

export const doctorCommand = ({ io }: Context, exit: (code: Exit) => void): Command =>
  new Command('doctor')
    .description('Say which engines were found, which one runs, and why the others do not.')
    .option('--backend <NAME>', 'ask for this engine')
    .option('--json', 'print one JSON object (tweedie/doctor@1)')
    .addHelpText('after', `${examples(['tweedie doctor', 'tweedie doctor --backend tfjs-node', 'TWEEDIE_BACKEND=cpu tweedie doctor --json'])}${EXIT_CODES}`)
    .action(async ({ backend, json }: { readonly backend?: string; readonly json?: boolean }) => {
      const [{ diagnose }, { cacheFolder }, { platform, versions }] = await Promise.all([import('@tweedie/backend'), import('@tweedie/data'), import('../run/provenance.ts')]);
      const engines = await diagnose({ engine: backend });
      const chosen = engines.find((finding) => finding.chosen)?.id ?? null;
      const output: Output<'doctor'> = { schema: 'tweedie/doctor@1', versions: { ...versions() }, platform: platform(), chosen, engines: engines.map((finding) => ({ ...finding })), cache: cacheFolder() };
      emit(io, json, output, [
        ...table([
          ['', 'engine', 'version', ''],
          ...engines.map(({ id, available, chosen: runs, reason, version }) => [runs ? '→' : available ? '·' : '✗', id, version ?? '–', reason]),
        ]),
        '',
        ...table([...Object.entries(output.versions), ['platform', output.platform], ['data sets', output.cache]]),
      ]);
      exit(chosen === null ? FAILED : OK);
    });
