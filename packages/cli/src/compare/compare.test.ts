import { existsSync } from 'node:fs';
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { fill, type Tensor } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputs, type Output } from '../outputs.ts';
import { makeProject, TINY, type Project, type Ran } from '../testing/project.fixture.ts';
import { cellSchema } from './cell.ts';

let project: Project;
let first: Ran;
const WORDS = ['compare', 'runs/roll', '--samplers', 'euler, heun, dpmpp-2m, ddim{eta:1}', '--nfe', '2,3,6', '-n', '96'];
beforeAll(async () => {
  project = await makeProject();
  await project.tweedie('train', 'runs/roll', ...TINY, '--data.size', '400');
  first = await project.tweedie(...WORDS, '--json');
}, 120_000);
afterAll(() => project.remove());

const said = (ran: Ran): Output<'compare'> => {
  expect(ran.stdout.trim().split('\n'), ran.stderr).toHaveLength(1);
  return outputs.compare.strict().parse(ran.json());
};
const cellFiles = async (): Promise<string[]> => (await readdir(project.at('runs/roll/compare/cells'))).sort();
const times = async (): Promise<number[]> =>
  Promise.all((await cellFiles()).map(async (name) => (await stat(project.at('runs/roll/compare/cells', name))).mtimeMs));

describe('compare', () => {
  it('judges every sampler within every limit: the most steps whose calls do not exceed it', async () => {
    expect(first.code, first.stderr).toBe(0);
    const output = said(first);
    expect(output).toMatchObject({
      status: 'finished',
      n: 96,
      limits: [2, 3, 6],
      metric: 'SW2²-data',
      baseline: null,
      report: project.at('runs/roll/compare/report.html'),
    });
    expect(output.rows).toHaveLength(4 * 3);
    const heun = output.rows.filter(({ sampler }) => sampler === 'heun').map(({ limit, steps, nfe }) => [limit, steps, nfe]);
    expect(heun).toEqual([[2, 1, 1], [3, 2, 3], [6, 3, 5]]); // prettier-ignore
    for (const { sampler, limit, steps, nfe } of output.rows) if (sampler !== 'heun') expect([steps, nfe]).toEqual([limit, limit]);
    // The least of each limit has no difference, all others have one, and it is theirs.
    for (const limit of output.limits) {
      const [best, ...others] = output.rows.filter((row) => row.limit === limit);
      expect(best!.difference).toBeNull();
      for (const { difference, value } of others) {
        expect(difference).toMatchObject({ to: best!.sampler, value: value! - best!.value! });
        expect(difference!.interval![0]).toBeLessThanOrEqual(difference!.value);
      }
    }
  });

  it('begins with the same rows for all', () => {
    const starts = new Set(said(first).rows.map(({ start }) => start));
    expect(starts.size).toBe(1);
    expect([...starts][0]).toMatch(/^[0-9a-f]{16}$/);
  });

  it('has the same numbers from workers, for every sampler, in cells of the same name', async () => {
    await cp(project.at('runs/roll/weights.safetensors'), project.at('runs/dealt/weights.safetensors'));
    const [, , ...words] = WORDS;
    const ran = await project.tweedie('compare', 'runs/dealt', ...words, '--workers', '2', '--json');
    const numbers = (rows: Output<'compare'>['rows']): unknown => rows.map(({ seconds: _, ...row }) => row);
    expect(ran.code, ran.stderr).toBe(0);
    expect(numbers(said(ran).rows)).toEqual(numbers(said(first).rows));
  }, 120_000);

  it('pairs what shares its noise: euler and ddim(0) are one sampler, and differ by rounding', async () => {
    const ran = await project.tweedie('compare', 'runs/roll', '--samplers', 'euler, ddim', '--baseline', 'euler', '--nfe', '6', '-n', '96', '--out', 'twins.html', '--json'); // prettier-ignore
    const twin = said(ran).rows.find(({ sampler }) => sampler === 'ddim')!;
    expect(twin.difference!.to).toBe('euler');
    expect(Math.max(...twin.difference!.interval!.map(Math.abs))).toBeLessThan(1e-5);
    expect(twin.interval![1] - twin.interval![0]).toBeGreaterThan(1e-3);
    // The noise that the rows of a run have elsewhere, too.
    const { seed, n } = said(ran);
    expect([seed, n]).toEqual([0, 96]);
  });

  it('keeps what was made: a second run makes nothing, a longer list makes the rest', async () => {
    const before = await times();
    const again = said(await project.tweedie(...WORDS, '--json'));
    expect(again).toMatchObject({ made: 0, rows: said(first).rows.map((row) => ({ ...row, kept: true })) });
    expect(await times()).toEqual(before);
    const more = said(await project.tweedie(...WORDS, '--nfe', '2,3,4,6', '--json'));
    expect(more.made).toBe(3); // heun within 4 calls is heun within 3
    const other = said(await project.tweedie(...WORDS, '--seed', '5', '--dry-run', '--json'));
    expect(other.rows.every(({ kept }) => !kept)).toBe(true);
  });

  it('makes a damaged cell anew, and writes cells that say everything', async () => {
    const [name] = await cellFiles();
    const path = project.at('runs/roll/compare/cells', name!);
    const cell = cellSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    expect(`${cell.hash}.json`).toBe(name);
    expect(Object.keys(cell.key).sort()).toEqual(
      ['model', 'sampler', 'from', 'files', 'schedule', 'levels', 'steps', 'n', 'seed', 'guidance', 'metric', 'metricFrom', 'reference', 'extractor'].sort(), // prettier-ignore
    );
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 100));
    const again = said(await project.tweedie(...WORDS, '--nfe', '2,3,4,6', '--json'));
    expect(again.made).toBeLessThanOrEqual(1);
    await project.tweedie('compare', 'runs/roll', '--samplers', 'euler, ddim', '--nfe', '6', '-n', '96', '--out', 'twins.html');
    expect(cellSchema.parse(JSON.parse(await readFile(path, 'utf8'))).result?.value).toBe(cell.result?.value);
  });

  it('writes a report with one table, one chart and what was drawn', async () => {
    const html = await readFile(project.at('runs/roll/compare/report.html'), 'utf8');
    expect(html.match(/<table>/g)).toHaveLength(1);
    expect(html).toContain('network calls an image');
    expect(html).toContain('Every cell began with the same rows');
    expect(html).toContain('ddim{eta:1}');
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('says what it would do under --dry-run, and does nothing', async () => {
    const ran = await project.tweedie('compare', 'runs/roll', '--samplers', 'euler,heun', '--nfe', '9', '-n', '32', '--out', 'dry.html', '--dry-run', '--json'); // prettier-ignore
    expect(said(ran)).toMatchObject({ status: 'planned', report: null, engine: null, made: 0 });
    expect(said(ran).rows.map(({ sampler, nfe, value, kept }) => [sampler, nfe, value, kept])).toEqual([
      ['euler', 9, null, false],
      ['heun', 9, null, false],
    ]);
    expect(existsSync(project.at('dry.html'))).toBe(false);
  });

  it('takes every sampler that there is, a stranger’s too; one whose calls are its own is a point', async () => {
    const words = ['compare', 'runs/roll', '--all', '--nfe', '3', '-n', '64', '--out', 'all.html'];
    const output = said(await project.tweedie(...words, '--json'));
    const names = output.rows.map(({ sampler }) => sampler);
    for (const name of ['euler', 'ddim', 'heun', 'dpmpp-2m', 'tweedie-foo']) expect(names).toContain(name);
    expect(output.rows.find(({ sampler }) => sampler === 'tweedie-foo')).toMatchObject({ limit: null, nfe: 1, steps: 1, difference: null });
  });

  it('has a sentence for what fails, and goes on', async () => {
    const { default: foo } = (await import(/* @vite-ignore */ project.at('node_modules/tweedie-foo/index.mjs'))) as {
      readonly default: { readonly provides: { create: unknown }[] };
    };
    const sampler = foo.provides[1]!.create;
    (foo.provides[1] as { create: unknown }).create = () => ({
      ...(sampler as () => object)(),
      async *steps(_: unknown, y: Tensor) {
        return fill(y.shape, NaN);
      },
    });
    const ran = await project.tweedie('compare', 'runs/roll', '--samplers', 'euler,tweedie-foo', '--nfe', '2', '-n', '80', '--out', 'bad.html', '--json'); // prettier-ignore
    (foo.provides[1] as { create: unknown }).create = sampler;
    expect(ran.code, ran.stderr).toBe(0);
    const [good, bad] = said(ran).rows;
    expect(good).toMatchObject({ sampler: 'euler', failure: null });
    expect(bad).toMatchObject({ sampler: 'tweedie-foo', value: null, failure: expect.stringMatching(/image 0 holds a value that is not finite/) }); // prettier-ignore
    expect(await readFile(project.at('bad.html'), 'utf8')).toContain('No number: tweedie-foo: [sliced-wasserstein] image 0 holds');
  });

  it('stops between cells with exit code 1, and goes on from there', async () => {
    const abort = new AbortController();
    const stopped = await makeProject({ signal: abort.signal });
    await cp(project.at('runs/roll'), stopped.at('run'), { recursive: true, filter: (path) => !path.includes('compare') });
    const cells = stopped.at('run/compare/cells');
    const words = ['compare', 'run', '--samplers', 'euler,dpmpp-2m', '--nfe', '2,5,9,14,20', '-n', '512'];
    const watch = setInterval(() => existsSync(cells) && abort.abort(), 2);
    const ran = await stopped.tweedie(...words, '--json');
    clearInterval(watch);
    expect(ran.code).toBe(1);
    const output = said(ran);
    expect(output.status).toBe('interrupted');
    expect(output.made).toBeGreaterThanOrEqual(1);
    expect(output.made).toBeLessThan(10);
    expect((await readdir(cells)).filter((name) => name.endsWith('.json'))).toHaveLength(output.made);
    expect(ran.stderr).toMatch(/Interrupted: \d+ cells are kept\. The same command again goes on/);
    await stopped.remove();
  });
});

describe('compare refuses with one sentence, exit code 2, and writes nothing', () => {
  it.each([
    [['nowhere'], /there is no such run/],
    [['runs/roll', '--nfe', '5,,6'], /\[--nfe\] this is no number of network calls: got "", expected integers from 1 to 1000/],
    [['runs/roll', '--nfe', '2.5'], /\[--nfe\].*got "2\.5"/],
    [['runs/roll', '-n', '1'], /\[--count\].*got 1, expected an integer ≥ 2/],
    [['runs/roll', '--samplers', 'euler,guess'], /\[guess\] neither a method of Tweedie nor an installed package/],
    [['runs/roll', '--samplers', 'heun{churn:1}'], /\[sampler heun\] sampler\.churn: unknown key; allowed: use, sChurn/],
    [['runs/roll', '--samplers', 'heun{sChurn:1'], /\[--samplers\] a bracket is missing at character 14/],
    [['runs/roll', '--samplers', 'euler', '--baseline', 'heun'], /\[--baseline\] this sampler is not compared: got heun, expected euler/],
    [['runs/roll', '--samplers', 'euler', '--all'], /\[--all\] the samplers are named already/],
    [['runs/roll', '--guidance', 'much'], /\[--guidance\].*got NaN/],
    [['runs/roll', '--levels.steps', '7'], /\[--levels\.steps\] the steps follow from the calls; give --nfe/],
    [['runs/roll', '--training.steps', '7'], /training\.steps: this cannot be changed here; allowed: levels\.…/],
    [['runs/roll', '--workers', 'few'], /\[workers\] not a number of workers: got NaN, expected an integer from 1 to 256/],
    [['runs/roll', '--backend', 'abacus'], /no engine of this name: got abacus/],
  ])('%j', async (words, message) => {
    const before = existsSync(project.at('runs/roll/compare/cells')) ? await cellFiles() : [];
    const ran = await project.tweedie('compare', ...words, '--out', 'refused.html');
    expect([ran.code, ran.stdout]).toEqual([2, '']);
    expect(ran.stderr.trim().split('\n')).toHaveLength(1);
    expect(ran.stderr).toMatch(message);
    expect(existsSync(project.at('refused.html'))).toBe(false);
    expect(await cellFiles()).toEqual(before);
  });
});
