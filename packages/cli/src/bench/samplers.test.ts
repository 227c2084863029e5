import { memory } from '@tensorflow/tfjs-core';
import type { Sampler } from '@tweedie/core';
import { dpmpp2m, euler, heun } from '@tweedie/sampler-classic';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { outputs } from '../outputs.ts';
import { makeProject } from '../testing/project.fixture.ts';
import { measureSamplers } from './samplers.ts';
import { shareChart } from './share-chart.ts';

it('counts calls and tensors, leaves none behind, and says who refuses', async () => {
  const refusing: Sampler = {
    ...euler(),
    plan: () => {
      throw Object.assign(new Error('[refusing] not these levels'), { name: 'TweedieError', complaint: {} });
    },
  };
  const samplers = [
    { name: 'euler', sampler: euler() },
    { name: 'heun', sampler: heun() },
    { name: 'dpmpp-2m', sampler: dpmpp2m() },
    { name: 'churn', sampler: heun({ sChurn: 10 }) },
    { name: 'refusing', sampler: refusing },
    { name: 'absent', refusal: 'no such package' },
  ];
  const before = memory().numTensors;
  const { rows, rounds, network } = await measureSamplers({ samplers, batchSize: 2, steps: 4, rounds: 6, warmup: 1, seed: 1 });
  expect(memory().numTensors).toBe(before);
  expect([rounds, network.name]).toEqual([6, 'digits']);
  expect(rows.map(({ name, status, nfe, stochastic }) => [name, status, nfe, stochastic])).toEqual([
    ['euler', 'measured', 4, false],
    ['heun', 'measured', 7, false],
    ['dpmpp-2m', 'measured', 4, false],
    ['churn', 'measured', 7, true],
    ['refusing', 'refused', null, false],
    ['absent', 'refused', null, false],
  ]);
  const [first, second, third, churn] = rows;
  for (const { share, millisecondsPerStep } of [first!, second!, third!]) {
    expect(millisecondsPerStep).toBeGreaterThan(0);
    expect(share!.interval![0]).toBeGreaterThan(0);
    expect(share!.interval![1]).toBeLessThan(100);
  }
  // The state, an answer and what they become; one answer more for each that is remembered.
  expect(first!.tensors).toBeGreaterThanOrEqual(3);
  expect(first!.tensors).toBeLessThanOrEqual(5);
  expect(third!.tensors).toBeGreaterThan(first!.tensors!);
  expect(third!.tensors).toBeLessThanOrEqual(first!.tensors! + 2);
  expect(churn!.verdict).toBeNull();
  const chart = shareChart({ rows, limit: 3, width: 820 });
  expect(chart).toMatch(/aria-label="Share of the sampler in a run: euler/);
  expect(chart).not.toMatch(/NaN|Infinity|undefined|absent/);
});

it('bench samplers measures, writes a report, and costs nothing under --dry-run', async () => {
  const project = await makeProject();
  const words = ['bench', 'samplers', '--samplers', 'euler, heun, heun{sChurn:10}', '--batch', '2', '--steps', '3', '--out', 'b.html'];
  const dry = await project.tweedie(...words, '--dry-run', '--json');
  expect(outputs['bench-samplers'].strict().parse(dry.json())).toMatchObject({ status: 'planned', rounds: 28, rows: [], engine: null });
  expect(existsSync(project.at('b.html'))).toBe(false);
  const ran = await project.tweedie(...words, '--rounds', '2', '--json');
  expect(ran.code, ran.stderr).toBe(0);
  const output = outputs['bench-samplers'].strict().parse(ran.json());
  expect(output).toMatchObject({ status: 'finished', rounds: 2, limit: 3, batchSize: 2, steps: 3, shape: [28, 28, 1] });
  expect(output.rows.map(({ name, nfe, verdict }) => [name, nfe, verdict])).toEqual([
    ['euler', 3, 'not decided'],
    ['heun', 5, 'not decided'],
    ['heun{sChurn:10}', 5, null],
  ]);
  const html = await readFile(project.at('b.html'), 'utf8');
  expect(html).toContain('heun{sChurn:10}');
  expect(html).not.toMatch(/NaN|undefined/);
  for (const [flag, value] of [
    ['--batch', '0'],
    ['--steps', '1.5'],
    ['--rounds', 'few'],
    ['--samplers', 'guess'],
  ] as const) {
    // prettier-ignore
    const refused = await project.tweedie('bench', 'samplers', flag, value, '--out', 'refused.html');
    expect([refused.code, refused.stderr.trim().split('\n').length]).toEqual([2, 1]);
  }
  expect(existsSync(project.at('refused.html'))).toBe(false);
  await project.remove();
}, 60_000);
