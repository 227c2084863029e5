import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { plantBrokenPlugins } from './broken-plugins.ts';

/** A stranger's plugin beside the published packages: what it can do by name, through the installed command. */
const project = inject('project');

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const tweedie = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const env = {
      ...process.env,
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
      TWEEDIE_BACKEND: 'cpu',
      VITEST: undefined,
      NODE_OPTIONS: undefined,
    };
    execFile(
      process.execPath,
      [join(project, 'node_modules/@tweedie/cli/dist/main.js'), ...args],
      { cwd: project, env },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

/** The one object that `--json` prints. */
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, out, err } = await tweedie(...args, '--json');
  if (code !== 0) throw new Error(`exit code ${code}: ${err}${out}`);
  return JSON.parse(out) as Record<string, unknown>;
};

const OBJECTIVE = 'tweedie-plugin-example#log-uniform';
const SAMPLER = 'tweedie-plugin-example#gaussian-euler';
const METRIC = 'tweedie-plugin-example#mean-shift';

describe('a plugin that npm installed, through the command', () => {
  it('is listed with its methods, their options and their statistics', async () => {
    const { plugins } = (await json('plugins')) as { plugins: { package: string; from: string; provides: Record<string, unknown>[] }[] };
    const listed = plugins.find((plugin) => plugin.package === 'tweedie-plugin-example');
    expect(listed?.from).toBe('project');
    expect(listed?.provides.map(({ kind, name, statistics }) => [kind, name, statistics])).toEqual([
      ['sampler', 'gaussian-euler', 'spread'],
      ['objective', 'log-uniform', undefined],
      ['metric', 'mean-shift', undefined],
    ]);
  });

  it('has its options in --help', async () => {
    const { code, out } = await tweedie('train', '--objective', OBJECTIVE, '--help');
    expect(code).toBe(0);
    expect(out).toMatch(/--objective\.min <number>.*Lowest noise level.*0\.01/);
    expect(out).toMatch(/--objective\.max <number>.*Highest noise level.*40/);
    const sampler = await tweedie('sample', '--sampler', SAMPLER, '--help');
    expect(sampler.out).toMatch(/--sampler\.spread <number>.*Standard deviation/);
    expect(sampler.out).toMatch(/spread.*Mean image/);
  });

  it('measures its statistics', async () => {
    const { kind, header } = (await json('stats', SAMPLER, 'swiss-roll', '--out', 'spread.safetensors')) as {
      kind: string;
      header: { spread: number };
    };
    expect(kind).toBe('spread');
    expect(header.spread).toBeGreaterThan(0.1);
    expect(header.spread).toBeLessThan(10);
    expect(existsSync(join(project, 'spread.safetensors'))).toBe(true);
  });

  it('trains with its objective, samples with its sampler, and is judged by its metric', async () => {
    const trained = await json(
      'train',
      'run',
      '--data',
      'swiss-roll',
      '--objective',
      OBJECTIVE,
      '--objective.min',
      '0.02',
      '--steps',
      '40',
      '--batch-size',
      '32',
    );
    expect(trained).toMatchObject({ status: 'finished', steps: 40 });

    const { sampler, nfe, levels } = await json(
      'sample',
      'run',
      '-n',
      '8',
      '--sampler',
      SAMPLER,
      '--sampler.spread',
      '0.7',
      '--steps',
      '5',
      '--out',
      'points.npz',
    );
    expect([sampler, nfe, (levels as number[]).length]).toEqual(['gaussian-euler', 5, 6]);
    expect(existsSync(join(project, 'points.npz'))).toBe(true);

    const { metrics } = (await json('evaluate', 'run', '-n', '64', '--metrics', METRIC)) as {
      metrics: { name: string; value: number; n: number }[];
    };
    expect(metrics).toHaveLength(1);
    expect(metrics[0]).toMatchObject({ name: 'mean-shift', n: 64 });
    expect(metrics[0]?.value).toBeGreaterThan(0);
  });

  it('refuses an option that it does not have, by name', async () => {
    const { code, err } = await tweedie(
      'train',
      'other',
      '--data',
      'swiss-roll',
      '--objective',
      OBJECTIVE,
      '--objective.mim',
      '1',
      '--steps',
      '1',
    );
    expect(code).toBe(2);
    expect(err).toMatch(/mim.*min/s);
    expect(existsSync(join(project, 'other'))).toBe(false);
  });
});

describe('a broken plugin is refused by name, through the command', () => {
  beforeAll(() => plantBrokenPlugins(project));

  it.each([
    ['tweedie-broken-api', /\[tweedie-broken-api\].*got api 2, expected api 1/],
    ['tweedie-broken-peer', /\[tweedie-broken-peer\].*tweedie-absent is not installed.*npm install/],
    ['tweedie-broken-range', /\[tweedie-broken-range\].*of another version.*npm install/],
    ['tweedie-broken-shape', /\[tweedie-broken-shape\] this package is no Tweedie plugin/],
    ['tweedie-broken-import', /\[tweedie-broken-import\] the package throws when it is imported: got planted/],
    ['tweedie-absent', /\[tweedie-absent\].*npm install tweedie-absent/],
  ])('%s', async (name, message) => {
    const { code, err, out } = await tweedie('train', 'broken', '--data', 'swiss-roll', '--objective', name, '--steps', '1');
    expect(err).toMatch(message);
    expect(err).not.toMatch(/^\s+at /m); // a sentence, not a stack
    expect(out).toBe('');
    expect(code).toBe(2);
    expect(existsSync(join(project, 'broken'))).toBe(false);
  });

  it('is listed among the problems', async () => {
    const { problems } = (await json('plugins')) as { problems: { package: string }[] };
    expect(problems.map((problem) => problem.package)).toEqual([
      'tweedie-broken-api',
      'tweedie-broken-import',
      'tweedie-broken-peer',
      'tweedie-broken-range',
      'tweedie-broken-shape',
    ]);
  });
});
