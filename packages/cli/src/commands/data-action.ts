import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tweedieError } from '@tweedie/core';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { startProgress, type Progress } from '../progress.ts';
import { OK, whileRunning } from '../run/failure.ts';
import type { DataFetchFlags, DataListFlags } from './data.ts';

export const runDataList = async ({ io }: Context, { cache, json }: DataListFlags): Promise<Exit> => {
  const { default: plugin, FETCHABLE, cacheFolder } = await import('@tweedie/data');
  const folder = cache === undefined ? cacheFolder() : resolve(io.cwd, cache);
  const data = plugin.provides
    .filter(({ kind }) => kind === 'data')
    .map(({ name, summary }) => {
      const fetchable = (FETCHABLE as readonly string[]).includes(name);
      return { name, summary, fetchable, there: fetchable || name === 'fashion-mnist' ? existsSync(join(folder, name)) : null };
    });
  const output: Output<'data-list'> = { schema: 'tweedie/data-list@1', cache: folder, data };
  const state = (there: boolean | null, fetchable: boolean): string =>
    there === null ? '' : there ? 'in the cache' : fetchable ? 'to be fetched' : 'not there';
  emit(io, json, output, [
    ...table(data.map(({ name, summary, fetchable, there }) => [name, state(there, fetchable), summary])),
    '',
    `cache: ${folder}`,
  ]);
  return OK;
};

export const runDataFetch = async ({ io }: Context, name: string, { cache, dryRun, json }: DataFetchFlags): Promise<Exit> => {
  const { fetchDataset, FETCHABLE, cacheFolder } = await import('@tweedie/data');
  const known = FETCHABLE.find((each) => each === name);
  if (known === undefined)
    throw tweedieError({
      subject: 'data fetch',
      problem: 'this data set cannot be fetched',
      got: name,
      expected: FETCHABLE.join(' or '),
      remedy: '`tweedie data list` says what there is',
    });
  const folder = cache === undefined ? cacheFolder() : resolve(io.cwd, cache);
  if (dryRun === true) {
    const planned: Output<'data-fetch'> = {
      schema: 'tweedie/data-fetch@1',
      name,
      folder: join(folder, name),
      files: [],
      fetched: false,
      dryRun: true,
    };
    emit(io, json, planned, [`Would fetch ${name} into ${planned.folder}.`]);
    return OK;
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
  const output: Output<'data-fetch'> = {
    schema: 'tweedie/data-fetch@1',
    name,
    folder: result.folder,
    files: [...result.files],
    fetched: result.fetched,
    dryRun: false,
  };
  emit(io, json, output, [`${name} is ${result.fetched ? '' : 'already '}in ${result.folder}, checked.`]);
  return OK;
};
