import { memory, tensor } from '@tensorflow/tfjs-core';
import { M1 } from '@tweedie/analytic';
import { testSampler } from '@tweedie/conformance';
import {
  adamsBashforth,
  createNoise,
  edm,
  karras,
  logSnr,
  parseOptions,
  subVp,
  timePower,
  ve,
  vpDiscrete,
  vpLinear,
  type Plan,
  type StatisticsFile,
} from '@tweedie/core';
import { ddim } from '@tweedie/sampler-classic';
import { describe, expect, it } from 'vitest';
import { CIFAR, fileOf, hostRun, inX, linear, linearFlow } from '../test/host.ts';
import { deisSn, deisSnOptions, type DeisSnOptions } from './deis-sn.ts';
import { gaussianProfile } from './profile.ts';

const notConstant = { 'is exact for constant x̂₀ and constant ε̂': 'it is exact where ε̂/r is constant' };
// At 3 the errors of the first steps, of lower degree, are still seen above float32's floor: the order is measured in float64 below.
testSampler({ create: () => deisSn(), deviates: notConstant, order: { window: [0.6, 0.5] } });
testSampler({ title: 'deis-sn, constant profile: DEIS', create: () => deisSn({ profile: () => 1, degree: 2 }) });
testSampler({ title: 'deis-sn in log ρ', create: () => deisSn({ variable: 'log-rho', degree: 1 }), deviates: notConstant });
testSampler({
  title: 'deis-sn as published',
  create: () => deisSn({ parity: 'published', clipSteps: 5 }),
  schedules: [vpLinear(), vpDiscrete({ interpolant: 'alpha-bar' })],
  deviates: notConstant,
});

const vp = vpLinear();
const quadratic = (steps: number, schedule = vp): Float64Array =>
  timePower(schedule, { steps, max: schedule.rho(1), min: schedule.rho(schedule.tMin), power: 2 });
const coefficients = ({ steps }: Plan): number[][] => steps.map(({ model }) => [...(model as number[])]);
const gap = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number =>
  Math.max(...a.flatMap((row, i) => row.map((x, j) => Math.abs(x - b[i]![j]!) / Math.abs(b[i]![j]!))));

describe('coefficients', () => {
  it('are the golden ones (13.3)', () => {
    const golden = [
      [-143.7519339],
      [-8.370326925, 1.801088199],
      [-1.657233946, 0.6925180488, -0.161562631],
      [-0.5174481213, 0.2089427088, -0.07594973872, 0.01176325161],
      [-0.1137302766, 0.01322956286, -0.003066215301, 0.0003790862136],
    ];
    expect(gap(coefficients(deisSn({ sigmaData: 0.5 }).plan(vp, quadratic(5))), golden)).toBeLessThan(1e-9);
    expect(gap(coefficients(deisSn({ spectrum: [0.25] }).plan(vp, quadratic(5))), golden)).toBeLessThan(1e-9);
  });

  it('E8: a constant profile is DEIS, in every variable and degree, and DDIM at degree 0 (1e-14)', () => {
    for (const variable of ['t', 'rho', 'log-rho'] as const)
      for (const degree of [0, 1, 2, 3])
        for (const [schedule, levels] of [
          [vp, quadratic(10)],
          [edm(), karras({ steps: 7, max: 80, min: 0.002 })],
        ] as const) {
          const u = variable === 't' ? schedule.timeOf : variable === 'rho' ? (rho: number) => rho : Math.log;
          const plain = Array.from({ length: levels.length - 1 }, (_, i) => adamsBashforth({ levels, i, degree, variable: u }));
          const flat = deisSn({ variable, degree, profile: () => 1 }).plan(schedule, levels);
          expect(gap(coefficients(flat), plain)).toBe(0);
          expect(gap(coefficients(deisSn({ variable, degree, profile: () => 0.3 }).plan(schedule, levels)), plain)).toBeLessThan(1e-12);
          expect(gap(coefficients(deisSn({ variable, degree, spectrum: [0] }).plan(schedule, levels)), plain)).toBeLessThan(1e-12);
          if (degree > 0) continue;
          // ddim remembers x̂₀: y' = keep y + (1 − keep)(y − ρ ε̂).
          const steps = ddim()
            .plan(schedule, levels)
            .steps.map(({ model }, i) => [-(model as number[])[0]! * levels[i]!]);
          expect(gap(coefficients(flat), steps)).toBeLessThan(1e-13);
          const own = hostRun(flat, linear(0.3));
          const end = levels.slice(0, -1).reduce((y, rho, i) => y + (levels[i + 1]! - rho) * linear(0.3)(y, rho), 1);
          expect(Math.abs(own - end)).toBeLessThan(1e-14);
        }
  });

  it('E9: a profile times a constant is the profile (1e-14)', () => {
    const r = gaussianProfile([1, 0.1, 0.01]);
    const [one, seven] = [r, (rho: number) => 7.3 * r(rho)].map((profile) => deisSn({ profile }).plan(vp, quadratic(10)));
    expect(gap(coefficients(seven!), coefficients(one!))).toBeLessThan(1e-14);
  });

  it('E10: isotropic Gaussian data are exact at any degree and any number of steps, N = 1 and level 0 included (1e-12)', () => {
    for (const degree of [0, 1, 2, 3])
      for (const steps of [1, 2, 3, 5, 10, 32, 100])
        for (const zero of [false, true]) {
          const levels = timePower(vp, {
            steps,
            max: vp.rho(1),
            min: steps === 1 && zero ? 1 : vp.rho(1e-3),
            power: 2,
            zero: steps > 1 && zero,
          });
          const exact = linearFlow(0.25, levels[0]!, levels[steps]!);
          expect(Math.abs(hostRun(deisSn({ degree }).plan(vp, levels), linear(0.25)) - exact), `${degree} ${steps}`).toBeLessThan(1e-12);
        }
    expect(Math.abs(hostRun(deisSn().plan(edm(), Float64Array.of(80, 0)), linear(0.25)) - linearFlow(0.25, 80, 0))).toBeLessThan(1e-12);
  });

  it('are those of the form in x, t and K (1e-9)', () => {
    const r = gaussianProfile([2, 0.3, 0.02]);
    for (const degree of [0, 2, 3])
      for (const steps of [5, 12]) {
        const levels = quadratic(steps);
        const got = hostRun(deisSn({ degree, profile: r }).plan(vp, levels), linear(0.7), 30);
        expect(Math.abs(got - inX(vp, levels, r, degree, linear(0.7), 30))).toBeLessThan(1e-9);
      }
  });
});

describe('order in float64', () => {
  it.each([
    [0, 0.9, 1.1],
    [1, 1.85, 2.1],
    [2, 2.7, 3.15],
    [3, 3.2, 4.3],
  ] as const)('of degree %d on a mixture of two Gaussians', (degree, low, high) => {
    const eps = (y: number, rho: number): number => (y - M1.posterior(Float64Array.of(y), rho).mean[0]!) / rho;
    const exact = M1.flow(Float64Array.of(40), 80, 0.002)[0]!;
    const [coarse, fine] = [80, 160].map((steps) => {
      const levels = logSnr({ steps, max: 80, min: 0.002 });
      return Math.abs(hostRun(deisSn({ degree, sigmaData: 0.6, variable: 'log-rho' }).plan(edm(), levels), eps, 40) - exact);
    });
    const slope = Math.log2(coarse! / fine!);
    expect(slope).toBeGreaterThan(low);
    expect(slope).toBeLessThan(high);
  });
});

describe('P256', () => {
  // Calls; SN of degree 0, of degree 3, of degree 3 with clip 5: relative RMS error of the end (samplers.md 3.5).
  const TABLE = [
    [5, 0.264, 0.128, 0.128],
    [6, 0.225, 0.085, 0.086],
    [8, 0.175, 0.041, 0.044],
    [10, 0.143, 0.022, 0.027],
    [12, 0.121, 0.0125, 0.021],
    [15, 0.098, 0.0063, 0.019],
    [20, 0.075, 0.0025, 0.0098],
    [50, 0.031, 0.0001, 0.0015],
  ] as const;
  // The same over the exact covariance of the start, where the table is of drawn start points.
  const EXACT = [
    [0.26, 0.126, 0.127],
    [0.222, 0.0846, 0.0857],
    [0.173, 0.0411, 0.0442],
    [0.141, 0.0219, 0.0281],
    [0.119, 0.0128, 0.0223],
    [0.0968, 0.00646, 0.0198],
    [0.0737, 0.00255, 0.0104],
    [0.0302, 0.0000956, 0.00164],
  ] as const;
  const long = vpLinear({ tMin: 1e-4 });
  const spectrum = Array.from({ length: 256 }, (_, k) => 5 / (1 + k) ** 1.5 + 1e-4);
  /** Mode by mode the sampler is a factor; its error over the covariance at the start. */
  const error = (options: DeisSnOptions, steps: number): number => {
    const levels = quadratic(steps, long);
    const plan = deisSn(options.profile === undefined ? { spectrum, ...options } : options).plan(long, levels);
    const [first, last] = [levels[0]!, levels[steps]!];
    let [wrong, all] = [0, 0];
    for (const variance of spectrum) {
      const exact = linearFlow(variance, first, last);
      const weight = variance + first * first;
      wrong += weight * (hostRun(plan, linear(variance)) - exact) ** 2;
      all += weight * exact * exact;
    }
    return Math.sqrt(wrong / all);
  };
  it.each(TABLE.map((row, k) => [row[0], row.slice(1), EXACT[k]!] as const))('D2: at %d calls', (steps, tabled, exact) => {
    const got = [error({ degree: 0 }, steps), error({}, steps), error({ clipSteps: 5 }, steps)];
    got.forEach((value, k) => {
      expect(Math.abs(value / exact[k]! - 1)).toBeLessThan(5e-3);
      // Of few start points the widest mode weighs more or less than it should: some hundredths, and half a unit of the last digit.
      const digit = 10 ** -(String(tabled[k]).length - 2);
      expect(Math.abs(value - tabled[k]!)).toBeLessThan([0.03, 0.03, 0.07][k]! * tabled[k]! + digit / 2);
    });
    expect(got[1]).toBeLessThan(error({ profile: () => 1 }, steps));
    expect(got[0]).toBeLessThan(error({ profile: () => 1, degree: 0 }, steps));
  });
});

describe('the released code', () => {
  const ddpm = vpDiscrete({ interpolant: 'alpha-bar' });
  const five = Float64Array.of(...[1, 0.64, 0.36, 0.16, 0.04].map((tau) => ddpm.rho(tau)), 0);
  /** With α of the next level, as the released code has them. */
  const inState = (options: DeisSnOptions): number[][] =>
    coefficients(deisSn(options).plan(ddpm, five)).map((row, i) => row.map((c) => c * ddpm.alpha(ddpm.timeOf(five[i + 1]!))));
  const SN = [[-18.7274582], [-4.09710445, 0.878253868], [-1.45171234, 0.632264524, -0.146508151]];
  const PLAIN = [[-18.7215661], [-4.10401927, 0.879865538], [-1.45972251, 0.640491148, -0.148346301]];

  it('13.7: plain DEIS on its schedule, ᾱ with its kinks (1e-6)', () =>
    expect(gap(inState({ profile: () => 1 }).slice(0, 3), PLAIN)).toBeLessThan(1e-6));

  it('13.7: its CIFAR-10 profile with clip 5, as far as 16 of the 1000 entries go (1e-3)', () => {
    // Read as it is there: entry k at τ = k/999; 0 has no λ, and is clipped.
    const known = CIFAR.slice(1);
    const profile = fileOf(
      known.map(([k]) => ddpm.rho(k / 999)),
      known.map(([k, r]) => (k < 5 ? known.find(([at]) => at === 5)![1] : r)),
    );
    const got = inState({ profile });
    expect(gap(got.slice(0, 3), SN)).toBeLessThan(1e-3);
    SN.forEach((row, i) => row.forEach((c, j) => expect(Math.abs(got[i]![j]! - c)).toBeLessThan(0.2 * Math.abs(c - PLAIN[i]![j]!))));
  });

  const table = Array.from({ length: 1000 }, (_, k) => {
    const at = Math.max(1, CIFAR.findIndex(([index]) => index >= k)); // prettier-ignore
    const [[a, ra], [b, rb]] = [CIFAR[at - 1]!, CIFAR[at]!];
    return ra + ((k - a) / (b - a)) * (rb - ra);
  });
  it('published: left sums to 3e-4, and .4 to .8 % beside the integral in the last step', () => {
    const read = Array.from(table, (_, k) => ddpm.rho(k === 0 ? 1e-9 : k / 999));
    const exact = inState({ profile: fileOf(read, table), clipSteps: 5 });
    const published = inState({ profile: fileOf(read, table), clipSteps: 5, parity: 'published' });
    expect(gap(published.slice(0, 4), exact.slice(0, 4))).toBeLessThan(3e-4);
    const last = published[4]!.map((c, j) => Math.abs(c / exact[4]![j]! - 1));
    last.forEach((apart) => expect(apart).toBeGreaterThan(0.003));
    last.forEach((apart) => expect(apart).toBeLessThan(0.008));
  });

  it('published: its table is read one thousandth beside where it was measured', () => {
    const measured = Array.from(table, (_, k) => ddpm.rho((k + 1) / 1000));
    const apart = gap(inState({ profile: fileOf(measured, table), parity: 'published' }), inState({ profile: fileOf(measured, table) }));
    expect(apart).toBeGreaterThan(5e-3);
    const r = gaussianProfile([0.25]);
    const own = fileOf(measured, measured.map(r)); // prettier-ignore
    expect(gap(inState({ profile: own, parity: 'published' }), inState({ sigmaData: 0.5, parity: 'published' }))).toBeLessThan(1e-12);
  });

  it.each([32, 64, 128, 999])('is finite at N = %d of its grid', (steps) => {
    const tau = Array.from({ length: steps }, (_, k) => (Math.round(1000 - (k * 1000) / steps) / 1000) ** 2);
    const levels = Float64Array.of(...tau.map(ddpm.rho), 0);
    for (const degree of [0, 3]) {
      const exact = hostRun(deisSn({ degree }).plan(ddpm, levels), linear(0.25));
      expect(Math.abs(exact - linearFlow(0.25, levels[0]!, 0))).toBeLessThan(1e-11);
      if (steps > 64) continue;
      const published = hostRun(deisSn({ degree, parity: 'published' }).plan(ddpm, levels), linear(0.25));
      expect(Math.abs(published / exact - 1)).toBeLessThan(2e-2);
    }
  });

  it('is for VP in its own time', () => {
    for (const schedule of [edm(), ve(), subVp()]) {
      const levels = karras({ steps: 3, max: 5, min: 0.1 });
      expect(() => deisSn({ parity: 'published' }).plan(schedule, levels)).toThrow(/is for VP alone: got .*use parity: exact/);
      expect(() => deisSn({ clipSteps: 1 }).plan(schedule, levels)).toThrow(/clipSteps counts thousandths/);
    }
    expect(() => deisSn({ parity: 'published', variable: 'rho' })).toThrow(/another variable: got rho, expected t/);
  });
});

describe('a profile', () => {
  const rho = [0.01, 0.1, 1, 10, 80];
  const r = [0.4, 0.6, 0.7, 0.79, 0.798];
  const good = fileOf(rho, r);
  const levels = karras({ steps: 6, max: 80, min: 0.01 });
  const changed = (tensors: Partial<StatisticsFile['tensors']>): StatisticsFile => ({
    ...good,
    tensors: { ...good.tensors, ...(tensors as StatisticsFile['tensors']) },
  });
  const numbers = (...data: number[]) => ({ shape: [data.length], data: Float64Array.from(data) });

  it('is read from a file, in code and through the schema', async () => {
    const { notes } = deisSn({ variable: 'log-rho', profile: good }).plan(edm(), levels);
    expect(notes).toEqual([]);
    const parsed = await parseOptions(deisSnOptions, { profile: good, degree: 1 }, 'sampler deis-sn');
    expect(coefficients(deisSn(parsed).plan(edm(), levels))).toEqual(
      coefficients(deisSn({ profile: good, degree: 1 }).plan(edm(), levels)),
    );
  });

  it.each([
    ['another kind', { ...good, header: { kind: 'gaussian' } }, /of another kind: got gaussian, expected deis-profile/],
    ['not finite', changed({ r: numbers(0.4, NaN, 0.7, 0.79, 0.798) }), /"r" of the profile is not finite: got NaN/],
    ['an infinite λ', changed({ lambda: numbers(Infinity, 2, 1, 0, -1) }), /"lambda" of the profile is not finite/],
    ['a zero', changed({ r: numbers(0, 0.6, 0.7, 0.79, 0.798) }), /"r" of the profile is no size: got 0/],
    ['reversed λ', changed({ lambda: numbers(-4, -2, 0, 2, 4) }), /does not fall.*least noise first/],
    ['too few', changed({ r: numbers(0.4, 0.6) }), /not of one length: got \[5,2\]/],
    ['none', { ...good, tensors: {} }, /has no "lambda"/],
  ] as const)('is refused: %s', (_, profile, said) => expect(() => deisSn({ profile })).toThrow(said));

  it('is refused as a path, beside a spectrum, with a clip that leaves nothing, and where a function is no size', () => {
    expect(() => deisSn({ profile: 'p.safetensors' })).toThrow(/given as a path: got p\.safetensors.*decodeStatistics/);
    expect(() => deisSn({ profile: good, spectrum: [1] })).toThrow(/a profile and a spectrum/);
    expect(() => deisSn({ profile: good, clipSteps: 5 })).toThrow(/leaves no entry of the profile: got 5, expected less than 5/);
    for (const bad of [NaN, -1, 0, Infinity]) expect(() => deisSn({ profile: () => bad }).plan(edm(), levels)).toThrow(/is not a size/);
  });

  it('is held beyond its ends, monotone between them, and exact at its levels', () => {
    const at = (own: Float64Array): number[] => coefficients(deisSn({ profile: good, degree: 0 }).plan(edm(), own)).map(([c]) => c!);
    const flat = at(Float64Array.of(0.005, 0.001));
    expect(flat[0]).toBeCloseTo(-0.004, 14);
    // Degree 0 over a short step: C/Δρ is the mean of r over it, over r at its start.
    const ratio = (from: number, to: number): number => at(Float64Array.of(from, to))[0]! / (to - from);
    for (const [k, level] of rho.entries()) if (k > 0) expect(ratio(level, rho[k - 1]!)).toBeLessThan(1);
    expect(ratio(1, 0.1)).toBeGreaterThan(0.6 / 0.7);
    expect(ratio(0.1 * (1 + 1e-9), 0.1)).toBeCloseTo(1, 8);
  });

  it('is clipped: the first n entries take the value of entry n', () => {
    const by = (profile: StatisticsFile, clipSteps = 0): number[][] => coefficients(deisSn({ profile, clipSteps }).plan(edm(), levels));
    expect(by(good, 2)).toEqual(by(changed({ r: numbers(0.7, 0.7, 0.7, 0.79, 0.798) })));
    expect(by(good, 1)).toEqual(by(changed({ r: numbers(0.6, 0.6, 0.7, 0.79, 0.798) })));
  });

  it('says in the plan that it ends elsewhere than at √(2/π), and that levels lie beyond it', () => {
    const off = changed({ r: numbers(0.4, 0.6, 0.7, 0.79, 0.81) });
    expect(deisSn({ variable: 'rho', profile: off }).plan(edm(), levels).notes).toEqual([
      expect.stringMatching(/ends at 0\.8100 in pure noise.*0\.798 ± 0\.002/),
    ]);
    const rough = changed({ r: numbers(0.4, 0.6, 0.7, 0.79, 0.81), se: numbers(0.005, 0.005, 0.005, 0.005, 0.005) });
    expect(deisSn({ variable: 'rho', profile: rough }).plan(edm(), levels).notes).toEqual([]);
    expect(deisSn({ variable: 'rho', profile: good }).plan(edm(), karras({ steps: 6, max: 80, min: 0.002 })).notes).toEqual([
      "levels 80.0 … 0.00200 reach beyond the profile's 80.0 … 0.0100",
    ]);
    expect(deisSn({ variable: 'rho' }).plan(edm(), levels).notes).toEqual(['no profile: that of Gaussian data of deviation 0.5']);
    expect(deisSn({ variable: 'rho', degree: 3, profile: good }).plan(edm(), levels.subarray(0, 3)).notes).toEqual([
      '2 steps: history for degree 1 at most',
    ]);
    expect(deisSn({ profile: good }).plan(edm(), levels).notes).toEqual([expect.stringMatching(/t is ρ under this schedule/)]);
    expect(deisSn({ variable: 'log-rho', profile: good }).plan(edm(), Float64Array.of(80, 10, 1, 0.1, 0.02, 0)).notes[0]).toMatch(
      /degree 0 in log ρ/,
    );
  });

  it('never divides by less than a millionth of its greatest', () => {
    const steps = coefficients(deisSn({ profile: (at) => (at < 1 ? 0 : 1) }).plan(edm(), levels));
    expect(steps.flat().every(Number.isFinite)).toBe(true);
  });
});

it('D7: tensors agree with the form in x and t, in float64, over 50 steps (1e-5)', async () => {
  const levels = quadratic(50);
  const [variances, starts] = [[4, 0.25, 0.01], [120, -200, 60]] as const; // prettier-ignore
  const r = gaussianProfile([4, 0.25, 0.01]);
  const before = memory().numTensors;
  const sampler = deisSn({ profile: r });
  const start = tensor(starts as unknown as number[], [1, 3]);
  const run = sampler.steps(
    async (y, rho) => {
      const values = await y.data();
      return tensor(
        Array.from(values, (v, k) => (variances[k]! * v) / (variances[k]! + (rho as number) ** 2)),
        y.shape,
      );
    },
    start,
    sampler.plan(vp, levels),
    createNoise(0),
  );
  let next = await run.next();
  while (!next.done) next = await run.next();
  const got = await next.value.data();
  variances.forEach((variance, k) => {
    const exact = inX(vp, levels, r, 3, linear(variance), starts[k]!);
    expect(Math.abs(got[k]! - exact)).toBeLessThan(1e-5 * Math.max(1, Math.abs(exact)));
  });
  [next.value, start].forEach((each) => each.dispose());
  expect(memory().numTensors).toBe(before);
});
