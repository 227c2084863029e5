import { karras, type Sampler } from '@tweedie/core';
import {
  DATA,
  FEED,
  LEVELS,
  LOSS,
  NETWORK,
  NOISE,
  OBJECTIVE,
  OPTIMIZER,
  PLAN,
  PRECONDITIONER,
  SAMPLER,
  SCHEDULE,
  TRAINING,
  value,
} from '@tweedie/core/container';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { SMALL } from '../testing/small.fixture.ts';
import { composeExperiment, composePlan, CONFIG, PLUGINS, RATE } from './compose.ts';

const cwd = tmpdir();
const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing was thrown',
    (error: Error) => error.message,
  );

describe('an experiment', () => {
  it('gives everything that it is made of', async () => {
    const experiment = await composeExperiment(SMALL, { cwd });
    for (const token of [
      DATA,
      NETWORK,
      SCHEDULE,
      PRECONDITIONER,
      OBJECTIVE,
      OPTIMIZER,
      SAMPLER,
      LEVELS,
      NOISE,
      TRAINING,
      FEED,
      LOSS,
      PLAN,
      CONFIG,
      PLUGINS,
      RATE,
    ])
      expect(experiment.has<unknown>(token)).toBe(true);
    expect(experiment.get(LEVELS)).toEqual(karras({ steps: 4, max: 80, min: 0.002, zero: true }));
    expect(experiment.get(NETWORK)).toMatchObject({ name: 'mlp', shape: [2], classes: 8 });
    expect(experiment.get(OPTIMIZER).id).toMatch(/^clip\(1\) adam/);
  });

  it('lets a scope replace one thing, and what follows from it', async () => {
    const experiment = await composeExperiment(SMALL, { cwd });
    const other: Sampler = {
      ...experiment.get(SAMPLER),
      plan: (schedule, levels) => ({ sampler: 'other', schedule, levels, nfe: 0, steps: [], notes: [] }),
    };
    expect(experiment.scope(value(SAMPLER, other)).get(PLAN).sampler).toBe('other');
    expect(experiment.get(PLAN).sampler).toBe('dpmpp-2m');
  });

  it('tells the network what the data are, unless it is told otherwise', async () => {
    const { preconditioner, network } = (await composeExperiment({ ...SMALL, data: { use: 'rings' } }, { cwd })).get(CONFIG);
    expect(network).toMatchObject({ use: 'mlp', classes: 4 });
    expect(preconditioner['sigmaData']).toBeGreaterThan(0.3);
    expect(
      (await composeExperiment({ ...SMALL, preconditioner: { use: 'edm', sigmaData: 0.9 } }, { cwd })).get(PRECONDITIONER).sigmaData,
    ).toBe(0.9);
    expect(await messageOf(composeExperiment({ ...SMALL, network: { use: 'mlp', shape: [3] } }, { cwd }))).toMatch(
      /\[network mlp\] network\.shape: the network does not fit the data eight-gaussians.*got 3, expected 2/,
    );
  });

  it('refuses methods that are not there and options that they have not', async () => {
    expect(await messageOf(composeExperiment({ ...SMALL, sampler: { use: 'nothing-like-it' } }, { cwd }))).toMatch(
      /\[nothing-like-it\] neither a method of Tweedie nor an installed package.*npm install nothing-like-it/,
    );
    expect(await messageOf(composeExperiment({ ...SMALL, sampler: { use: 'heun', churn: 1 } }, { cwd }))).toMatch(
      /\[sampler heun\] sampler\.churn: unknown key; allowed: use, sChurn, sMin, sMax, sNoise/,
    );
    expect(await messageOf(composeExperiment({ ...SMALL, sampler: { use: 'heun', sChurn: 'much' } }, { cwd }))).toMatch(
      /\[sampler heun\] sChurn: .*got "much"/,
    );
  });

  it('takes the ends of the levels from the schedule', async () => {
    const plan = await composePlan(
      { schedule: { use: 'vp' }, sampler: { use: 'dpmpp-2m' }, levels: { grid: 'log-snr', steps: 5, zero: false } },
      cwd,
    );
    const { schedule, levels } = plan;
    expect([levels[0], levels.at(-1)]).toEqual([schedule.rho(1), schedule.rho(1e-3)]);
    expect((await composePlan({ levels: { grid: 'time-power', steps: 2, max: 10, min: 1, power: 1, zero: false } }, cwd)).levels).toEqual(
      Float64Array.of(10, 5.5, 1),
    );
  });
});
