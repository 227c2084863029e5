import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputs, type Output } from '../outputs.ts';
import { makeProject, type Project, type Ran } from '../testing/project.fixture.ts';

let project: Project;
let measured: Ran;
const RING = ['eight-gaussians', '--data.size', '500', '--rows', '64', '--levels', '6', '--min', '0.005', '--max', '5'];
beforeAll(async () => {
  project = await makeProject();
  measured = await project.tweedie('variance', ...RING, '--references', '4,64', '--out', 'v.html', '--json');
});
afterAll(() => project.remove());

const said = ({ stdout }: Ran): Output<'variance'> => outputs.variance.strict().parse(JSON.parse(stdout));

describe('tweedie variance', () => {
  it('prints one object of its schema', () => {
    expect(measured.code, measured.stderr).toBe(0);
    const output = said(measured);
    expect(output).toMatchObject({ data: 'eight-gaussians@seed=0,n=500', population: 500, rows: 64, seed: 0, file: project.at('v.html') });
    expect(output.sigmas).toHaveLength(6);
    expect([output.sigmas[0], output.sigmas.at(-1)]).toEqual([0.005, 5]);
    expect(output.sigmas[1]! / output.sigmas[0]!).toBeCloseTo(1000 ** 0.2, 3);
    for (const { references, essOfAll } of output.levels) {
      expect(references.map(({ n }) => n)).toEqual([1, 4, 64]);
      for (const {
        variance,
        varianceInterval: [low, high],
      } of references)
        expect(low <= variance && variance <= high).toBe(true);
      expect(references[0]).toMatchObject({ ess: 1, essInterval: [1, 1] });
      expect(essOfAll).toBeLessThanOrEqual(500);
    }
    const dsm = output.levels.map(({ references }) => references[0]!.variance);
    expect(output.middle!.peak).toBe(Math.max(...dsm));
    expect(output.middle!.to).toBeGreaterThan(output.middle!.peakSigma);
    expect(output.beyond.map(({ n }) => n)).toEqual([4, 64]);
    expect(output.beyond[1]!.range!.from).toBeLessThan(output.beyond[0]!.range!.from!);
    expect(measured.stderr).toMatch(/variance: 17\/17 parts/);
  });

  it('writes a report with both pictures, both tables and what the numbers say', async () => {
    const html = (await readFile(project.at('v.html'), 'utf8')).replaceAll('\u00a0', ' ');
    const { levels, middle } = said(measured);
    expect(html.match(/<svg role="img" aria-label="σ²V by noise level σ"/g)).toHaveLength(2); // a desk and a phone
    expect(html.match(/<svg role="img" aria-label="effective sample size by noise level σ"/g)).toHaveLength(2);
    expect(html).toContain('var(--chart-third');
    expect(html).toContain(`σ = ${middle!.peakSigma.toPrecision(3).replace(/0+$/, '')}`);
    expect(html).toMatch(/The effective size of a reference of 64 is above 2 from σ = /);
    expect(html).toMatch(/The population is this data set: 500 points/);
    expect(html.match(/<tr><th scope="row">/g)).toHaveLength(2 * levels.length);
    expect(html).toContain('tweedie variance eight-gaussians --references 4,64 --rows 64');
  });

  it('prints the tables for people, with the references that fit the population, and the report at its default place', async () => {
    const { code, stdout, stderr } = await project.tweedie('variance', 'swiss-roll', '-n', '40', '--rows', '16', '--levels', '2');
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^σ²V of the target by reference size, 95 % intervals; the population is the 40 points of swiss-roll/);
    expect(stdout).toMatch(/σ +n = 1 \(DSM\) +n = 16\n0\.1 +[\d.]+ \([\d.]+ to [\d.]+\) /);
    expect(stdout).toMatch(/\nwrote .*report\.html\n$/);
    expect(existsSync(project.at('runs/variance-swiss-roll/report.html'))).toBe(true);
  });

  it('says under --dry-run what it would do, and does nothing', async () => {
    const ran = await project.tweedie('variance', ...RING, '--out', 'dry.html', '--dry-run', '--json');
    expect(said(ran)).toMatchObject({ file: null, engine: null, levels: [], population: 500 });
    expect(existsSync(project.at('dry.html'))).toBe(false);
    expect((await project.tweedie('variance', ...RING, '--dry-run')).stdout).toMatch(
      /^Would measure the variance of targets at 6 levels from σ = 0\.005 to 5 on 500 points .* references of 1, 16, 256/,
    );
  });

  it('stops at Ctrl-C, with nothing written', async () => {
    const abort = new AbortController();
    const stopped = await makeProject({ signal: abort.signal });
    abort.abort();
    const { code, stderr } = await stopped.tweedie('variance', ...RING);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/interrupted; nothing was written/)]);
    expect(existsSync(stopped.at('runs'))).toBe(false);
    await stopped.remove();
  });

  it.each([
    [['--rows', '20'], /the rows cannot be dealt to the blocks: got 20, expected a multiple of 16/],
    [['--rows', 'many'], /the rows cannot be dealt to the blocks: got NaN/],
    [['--levels', '1'], /\[--levels\] not a number of noise levels: got 1, expected an integer from 2 to 200/],
    [['--min', '0'], /\[--min\] this is no noise level: got 0, expected a number above 0/],
    [['--max', '0.001'], /\[--max\] the range of noise levels is empty: got 0\.001, expected more than --min, 0\.005/],
    [['--references', '4,501'], /no reference of this size: got 501, expected integers from 1 to 500/],
    [['--references', '4,,8'], /no reference of this size: got NaN/],
    [['--references', '2,3,4,5,6'], /too many sizes for one picture: got 5, expected at most 5/],
    [['-n', '501'], /the population is no part of the data set: got 501, expected an integer from 2 to 500/],
    [['--seed', '0.5'], /seed/],
    [['--sampler.eta', '1'], /sampler\.eta: this cannot be changed here/],
    [['--backend', 'abacus'], /no engine of this name: got abacus/],
  ])('refuses %j with exit code 2, and writes nothing', async (flags, message) => {
    const { code, stdout, stderr } = await project.tweedie('variance', ...RING, '--out', 'refused.html', ...flags);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(existsSync(project.at('refused.html'))).toBe(false);
  });

  it('has help with examples', async () => {
    const { code, stdout } = await project.tweedie('variance', '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}tweedie variance mnist/);
  });
});
