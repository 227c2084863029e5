import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { calibrateOutput } from '../outputs.ts';
import { makeProject, type Project } from '../testing/project.fixture.ts';

let project: Project;
beforeAll(async () => {
  project = await makeProject();
  const words =
    'train run --data eight-gaussians --network.width 32 --network.depth 1 --steps 3000 --batch-size 64 --rate 0.01 --objective.pMean 0 --objective.pStd 1.2'.split(
      ' ',
    );
  const { code, stderr } = await project.tweedie(...words);
  expect(code, stderr).toBe(0);
}, 120_000);
afterAll(() => project.remove());

it('finds the level down to which a Gaussian is as good as the network, and draws the residual', async () => {
  const { code, stdout, stderr } = await project.tweedie(
    'calibrate',
    'run',
    '--levels',
    '12',
    '-n',
    '200',
    '--tolerance',
    '0.025',
    '--json',
  );
  expect(code, stderr).toBe(0);
  const { levels, residual, skipTo, file, n } = calibrateOutput.parse(JSON.parse(stdout));
  expect([levels.length, residual.length, n]).toEqual([12, 12, 200]);
  // Eight narrow modes of deviation .57: a Gaussian is right above that, and wrong where the modes part.
  expect(skipTo).not.toBeNull();
  expect(skipTo!).toBeGreaterThan(0.57);
  expect(skipTo!).toBeLessThan(5);
  expect(residual[levels.indexOf(skipTo!)]).toBeLessThanOrEqual(0.025);
  expect(residual[levels.indexOf(skipTo!) + 1]).toBeGreaterThan(0.025);
  expect(existsSync(file!)).toBe(true);
}, 120_000);

it('refuses what cannot be used, and writes nothing', async () => {
  for (const [words, message] of [
    [['--tolerance', '0'], /\[--tolerance\] this cannot be used: got 0, expected a number between 0 and 1/],
    [['--levels', '2'], /\[--levels\]/],
    [['-n', '1.5'], /\[-n\]/],
    [['--gaussian', 'none.safetensors'], /none\.safetensors/],
  ] as const) {
    const { code, stderr } = await project.tweedie('calibrate', 'run', ...words, '--out', 'refused.html');
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(existsSync(join(project.folder, 'refused.html'))).toBe(false);
  }
});
