import { Command } from 'commander';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { OK } from '../run/failure.ts';
import { EXIT_CODES, examples } from './help.ts';

export const pluginsCommand = ({ io }: Context, exit: (code: Exit) => void): Command =>
  new Command('plugins')
    .description('List the methods that came with Tweedie and those that this project has installed.')
    .option('--kind <KIND>', 'only one kind: objective, sampler, metric, network, schedule, preconditioner, data')
    .option('--json', 'print one JSON object (tweedie/plugins@1), the options of every method as JSON Schema')
    .addHelpText('after', `${examples(['tweedie plugins', 'tweedie plugins --kind sampler', 'tweedie plugins --json'])}${EXIT_CODES}`)
    .action(async ({ kind, json }: { readonly kind?: string; readonly json?: boolean }) => {
      const { catalogue } = await import('../experiment/catalogue.ts');
      const output: Output<'plugins'> = { schema: 'tweedie/plugins@1', ...(await catalogue(io.cwd, kind)) };
      const rows = output.plugins.flatMap((plugin) =>
        plugin.provides.map(({ kind: of, use, summary }) => [of, use, `${plugin.package} ${plugin.version}`, summary]),
      );
      emit(io, json, output, [
        ...table(rows.sort(([a], [b]) => (a! < b! ? -1 : a! > b! ? 1 : 0))),
        ...output.problems.map(({ message }) => `! ${message}`),
      ]);
      exit(OK);
    });
