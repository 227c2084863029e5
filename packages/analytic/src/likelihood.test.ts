import { memory, tensor2d } from '@tensorflow/tfjs-core';
import { createNoise, edm, logLikelihood, vpLinear, type Schedule } from '@tweedie/core';
import { expect, it } from 'vitest';
import type { Distribution } from './distribution.ts';
import { G2, M3 } from './problems.ts';

const n = 12;

/** The rows' log densities at the schedule's least level: by the flow, and by the formula. */
const densities = async (truth: Distribution, schedule: Schedule) => {
  const [low, high] = [schedule.rho(schedule.tMin), schedule.rho(schedule.tMax)];
  const [alpha, top] = [schedule.alpha(schedule.tMin), schedule.alpha(schedule.tMax)];
  const x = tensor2d(
    Float32Array.from(truth.sample(createNoise(1), n), (v) => v * alpha),
    [n, truth.dims],
  );
  const y = Float64Array.from(await x.data(), (v) => v / alpha);
  const before = memory().numTensors;
  const flown = await logLikelihood({ model: truth.model(schedule), x0: x });
  expect(memory().numTensors).toBe(before);
  x.dispose();
  const exact = truth.logDensity(y, low).map((v) => v - truth.dims * Math.log(alpha)); // log p_x = log p_y − d log α
  // Where the flow ends exactly, and what p says there.
  const end = truth.flow(y, low, high);
  const there = truth.logDensity(end, high).map((v) => v - truth.dims * Math.log(top));
  return { flown, exact, volume: exact.map((v, i) => v - there[i]!) };
};

const apart = (a: Float64Array, b: Float64Array): number => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));

it.each([
  ['G2, EDM', G2, edm()],
  ['G2, VP', G2, vpLinear()],
  ['M3, EDM', M3, edm()],
  ['M3, VP', M3, vpLinear()],
] satisfies [string, Distribution, Schedule][])(
  'the flow of %s changes volumes as the formula says, to 1e-3 nats',
  async (_, truth, schedule) => {
    const { flown, volume } = await densities(truth, schedule);
    expect(apart(flown.volume, volume)).toBeLessThan(1e-3);
  },
);

it.each([
  ['G2', G2],
  ['M3', M3],
] satisfies [string, Distribution][])('log density of %s is the formula to 1e-3 nats, where the prior is right', async (_, truth) => {
  // A prior of mean 0 is off by m · y/ρ² or so: .05 nats at ρ = 80 for a mean of (1, −1).
  const { flown, exact } = await densities(truth, edm({ sigmaMax: 2e4 }));
  expect(apart(flown.logDensity, exact)).toBeLessThan(1e-3);
});
