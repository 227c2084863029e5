import { memory, mul, tidy } from '@tensorflow/tfjs-core';
import { P256, RING8 } from '@tweedie/analytic';
import {
  checkStatistics,
  createNoise,
  decodeStatistics,
  edm,
  encodeStatistics,
  vpLinear,
  type Sampler,
  type StatisticsContext,
} from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { deisSn } from './deis-sn.ts';
import { deisProfile, estimateProfile } from './estimate.ts';
import { gaussianProfile } from './profile.ts';

const spectrum = Array.from({ length: 256 }, (_, k) => 5 / (1 + k) ** 1.5 + 1e-4);
const of = (own: Partial<StatisticsContext> = {}): StatisticsContext => ({
  model: P256.model(vpLinear()),
  modelHash: 'abc',
  seed: 3n,
  n: 192,
  options: { steps: 100, batchSize: 80 },
  ...own,
});

describe('E11: the estimator on the exact model of P256', () => {
  it.each([
    ['vp', vpLinear()],
    ['edm', edm()],
  ])('is √(2/π) (1/d) Σ ρ/√(λ + ρ²) within 4 standard errors, at every level: %s', async (_, schedule) => {
    const before = memory().numTensors;
    const { header, tensors } = await estimateProfile(of({ model: P256.model(schedule) }));
    expect(memory().numTensors).toBe(before);
    const [lambda, r, se] = ['lambda', 'r', 'se'].map((name) => tensors[name]!.data);
    const exact = gaussianProfile(spectrum);
    r!.forEach((value, k) => {
      const rho = Math.exp(-lambda![k]!);
      // 0.755 mean/√n_eff, for entries of unlike size: sd of |z| is √(1 − 2/π).
      const sizes = spectrum.map((variance) => rho / Math.hypot(Math.sqrt(variance), rho));
      const error = Math.sqrt(((1 - 2 / Math.PI) * sizes.reduce((a, s) => a + s * s, 0)) / 192) / 256;
      expect(Math.abs(value - exact(rho)), `level ${rho}`).toBeLessThan(4 * error);
      expect(se![k]! / error).toBeGreaterThan(0.75);
      expect(se![k]! / error).toBeLessThan(1.3);
    });
    expect(Math.abs(r!.at(-1)! - 0.798)).toBeLessThan(0.004);
    expect(header).toEqual({
      kind: 'deis-profile',
      model: 'abc',
      guidance: 1,
      schedule: schedule.id,
      levels: [expect.closeTo(Math.exp(-lambda![0]!), 10), schedule.rho(schedule.tMax)],
      steps: 100,
      n: 192,
      seed: 3,
    });
    // Through its file, into the sampler.
    const file = decodeStatistics(encodeStatistics({ header, tensors }), 'p.safetensors');
    const levels = Float64Array.of(20, 5, 1, 0.2, 0.05);
    const newest = (sampler: Sampler): number[] => sampler.plan(schedule, levels).steps.map(({ model }) => (model as number[])[0]!);
    const formula = newest(deisSn({ spectrum }));
    newest(deisSn({ profile: file })).forEach((c, i) => expect(Math.abs(c / formula[i]! - 1)).toBeLessThan(5e-3));
    expect(() => checkStatistics(file, { kind: 'deis-profile', model: 'another' })).toThrow(
      /of another model: got abc, expected another; make them from this model/,
    );
  });
});

it('is over all batches, whatever their size, a function of the seed, and says how far it is', async () => {
  const seen: string[] = [];
  const whole = await estimateProfile(of({ n: 20, options: { steps: 5 }, onProgress: (done, total) => seen.push(`${done}/${total}`) }));
  const parts = await estimateProfile(of({ n: 20, options: { steps: 5, batchSize: 7 } }));
  const other = await estimateProfile(of({ n: 20, options: { steps: 5 }, seed: 4n }));
  const last = await estimateProfile(of({ n: 6, options: { steps: 5 }, noise: createNoise(3).rows(14) }));
  const r = ({ tensors }: typeof whole) => [...tensors['r']!.data];
  r(whole).forEach((value, k) => {
    expect(Math.abs(value - r(parts)[k]!)).toBeLessThan(1e-5);
    expect(Math.abs(value - r(last)[k]!)).toBeGreaterThan(1e-5);
  });
  expect(r(other)).not.toEqual(r(whole));
  expect(seen).toEqual(['1/5', '2/5', '3/5', '4/5', '5/5']);
});

it('gives every image its class', async () => {
  const labels: number[] = [];
  const { denoise, ...rest } = RING8.model(edm());
  const model = {
    ...rest,
    denoise: (...[y, rho, label]: Parameters<typeof denoise>) => (labels.push(label?.shape[1] ?? 0), denoise(y, rho, label)),
  };
  const { tensors } = await estimateProfile(of({ model, n: 16, options: { steps: 6 } }));
  expect(labels).toEqual(Array.from({ length: 6 }, () => 8));
  expect(tensors['r']!.data.every((x) => x > 0)).toBe(true);
});

it('refuses no model, no images, options that are none, and an answer that is not finite, without a leak', async () => {
  const { model, ...nothing } = of();
  const before = memory().numTensors;
  await expect(estimateProfile(nothing)).rejects.toThrow(/there is no model to record/);
  await expect(estimateProfile(of({ n: 0 }))).rejects.toThrow(/no images are asked for: got 0/);
  await expect(estimateProfile(of({ options: { stepz: 3 } }))).rejects.toThrow(/stepz/);
  const bad = {
    ...model!,
    denoise: (...args: Parameters<NonNullable<typeof model>['denoise']>) => tidy(() => mul(model!.denoise(...args), NaN)),
  };
  await expect(estimateProfile(of({ model: bad, options: { steps: 4 } }))).rejects.toThrow(/answer at ρ = .* is not finite/);
  expect(memory().numTensors).toBe(before);
  expect(deisProfile).toMatchObject({ kind: 'deis-profile', needs: 'model', option: 'profile' });
});
