import {
  createNoise,
  adamsBashforth,
  edm,
  karras,
  logSnr,
  timePower,
  vpDiscrete,
  vpLinear,
  type Plan,
  type Sampler,
  type Schedule,
} from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { hostRun } from '../test/host-run.ts';
import { combine, distance, lifted, M3, posteriorMean, relative, run, starts, type Point } from '../test/problems.ts';
import * as written from '../test/references.ts';
import { ancestral, eulerAncestral } from './ancestral.ts';
import { deis } from './deis.ts';
import { dpmSolver2s, dpmSolver3s, dpmSolverStep } from './dpm-solver.ts';
import { dpmpp2m, dpmpp2mSde, dpmpp2s, dpmpp2sSde, dpmpp3m, dpmpp3mO3 } from './dpmpp.ts';
import { ddim, euler } from './euler.ts';
import { heun } from './heun.ts';
import { ipndm } from './ipndm.ts';
import { unipc, weightsOf } from './unipc.ts';

const NEVER = { lowerOrderFinal: 'never' } as const;
type Solver = readonly [name: string, sampler: Sampler, remembered: 'x0' | 'eps'];

const MULTISTEP: readonly Solver[] = [
  ...[0, 1, 2, 3].map((degree): Solver => [`deis t-ab ${degree}`, deis({ degree }), 'eps']),
  ...[1, 2, 3].map((degree): Solver => [`deis rho-ab ${degree}`, deis({ variant: 'rho-ab', degree }), 'eps']),
  ...[1, 2, 3].map((degree): Solver => [`deis log-rho-ab ${degree}`, deis({ variant: 'log-rho-ab', degree }), 'eps']),
  ...([1, 2, 3, 4] as const).map((terms): Solver => [`ipndm ${terms}`, ipndm({ terms }), 'eps']),
  ['dpmpp-2m', dpmpp2m(NEVER), 'x0'],
  ['dpmpp-2m, lower order at the end', dpmpp2m({ lowerOrderFinal: 'always' }), 'x0'],
  ['dpmpp-3m', dpmpp3m(NEVER), 'x0'],
  ['dpmpp-3m-o3', dpmpp3mO3(NEVER), 'x0'],
  ['dpmpp-2m-sde, η = 0', dpmpp2mSde({ eta: 0 }), 'x0'],
  ...([1, 2, 3] as const).flatMap((order) =>
    (['bh1', 'bh2'] as const).flatMap((variant) =>
      (['x0', 'eps'] as const).flatMap((prediction) =>
        (['published', 'exact'] as const).map((parity): Solver => [
          `unipc ${order} ${variant} ${prediction} ${parity}`,
          unipc({ order, variant, prediction, parity, ...NEVER }),
          prediction,
        ]),
      ),
    ),
  ),
];
const SINGLESTEP: readonly Solver[] = [
  ['euler', euler(), 'x0'],
  ['ddim', ddim(), 'x0'],
  ['dpm-solver-2s', dpmSolver2s(), 'eps'],
  ['dpm-solver-3s', dpmSolver3s(), 'eps'],
  ['dpmpp-2s', dpmpp2s(), 'x0'],
  ['dpmpp-2s-sde, η = 0', dpmpp2sSde({ eta: 0 }), 'x0'],
  ['deis rho-heun', deis({ variant: 'rho-heun' }), 'eps'],
  ['deis rho-kutta3', deis({ variant: 'rho-kutta3' }), 'eps'],
  ['deis rho-rk4', deis({ variant: 'rho-rk4' }), 'eps'],
];
const SOLVERS = [...SINGLESTEP, ...MULTISTEP];

const vp = vpLinear();
const VP = { max: vp.rho(1), min: vp.rho(1e-3) };
const GRIDS: readonly (readonly [schedule: Schedule, levels: Float64Array])[] = [
  [edm(), karras({ steps: 12, max: 80, min: 0.002 })],
  [edm(), logSnr({ steps: 12, max: 80, min: 0.002 })],
  [vp, timePower(vp, { steps: 12, ...VP, power: 2 })],
  [vp, logSnr({ steps: 12, ...VP })],
];
const numbers = (plan: Plan, i: number, name: string): readonly number[] => plan.steps[i]![name] as readonly number[];
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

describe('exact for what is constant along the way', () => {
  it.each(SOLVERS)('E1, E2: %s', (_, sampler, remembered) => {
    for (const [schedule, levels] of GRIDS) {
      const plan = sampler.plan(schedule, levels);
      const [first, last] = [levels[0]!, levels.at(-1)!];
      const [start, c] = [
        [40, -25],
        [0.7, -1.3],
      ];
      const eps = hostRun(plan, (y, rho) => combine([1, y], [-rho, c]), start, remembered);
      expect(relative([eps], [combine([1, start], [last - first, c])])).toBeLessThan(1e-12);
      const x0 = hostRun(plan, () => [...c], start, remembered);
      expect(distance([x0], [combine([1, c], [last / first, start], [-last / first, c])])).toBeLessThan(1e-12);
    }
  });
});

describe('Adams–Bashforth', () => {
  const primitives: Readonly<Record<string, (schedule: Schedule, q: number, from: number, to: number) => number>> = {
    'rho-ab': (_, q, from, to) => (to ** (q + 1) - from ** (q + 1)) / (q + 1),
    'log-rho-ab': (_, q, from, to) => {
      // ∫ lnᵠ r dr = r lnᵠ r − q ∫ lnᵠ⁻¹ r dr
      const at = (r: number, n: number): number => (n === 0 ? r : r * Math.log(r) ** n - n * at(r, n - 1));
      return at(to, q) - at(from, q);
    },
    't-ab': (schedule, q, from, to) =>
      written.romberg(
        (s) => (schedule.diffusion2(s * s) / (2 * schedule.sigma(s * s) * schedule.alpha(s * s))) * (s * s) ** q * 2 * s,
        Math.sqrt(schedule.timeOf(from)),
        Math.sqrt(schedule.timeOf(to)),
      ),
  };
  const variables: Readonly<Record<string, (schedule: Schedule) => (rho: number) => number>> = {
    'rho-ab': () => (rho) => rho,
    'log-rho-ab': () => Math.log,
    't-ab': (schedule) => (rho) => schedule.timeOf(rho),
  };

  it.each(['t-ab', 'rho-ab', 'log-rho-ab'] as const)(
    'E3: %s of degree q is exact on polynomials of degree q after its warm-up, not of q + 1',
    (variant) => {
      for (const [schedule, levels] of GRIDS) {
        const u = variables[variant]!(schedule);
        for (const degree of [0, 1, 2, 3]) {
          const plan = deis({ variant, degree }).plan(schedule, levels);
          const miss = (q: number): number =>
            Math.max(
              ...plan.steps.slice(degree).map((_, at) => {
                const i = at + degree;
                const got = sum(numbers(plan, i, 'model').map((c, j) => c * u(levels[i - j]!) ** q));
                const want = primitives[variant]!(schedule, q, levels[i]!, levels[i + 1]!);
                const scale = sum(numbers(plan, i, 'model').map((c, j) => Math.abs(c * u(levels[i - j]!) ** q)));
                return Math.abs(got - want) / scale;
              }),
            );
          for (let q = 0; q <= degree; q++) expect(miss(q)).toBeLessThan(1e-12);
          expect(miss(degree + 1)).toBeGreaterThan(1e-4);
        }
      }
    },
  );

  it('E4: Σ_j C_j = Δρ, for every variable and degree (1e-14)', () => {
    for (const [schedule, levels] of GRIDS) {
      for (const variant of ['t-ab', 'rho-ab', 'log-rho-ab'] as const) {
        for (const degree of [0, 1, 2, 3]) {
          deis({ variant, degree })
            .plan(schedule, levels)
            .steps.forEach(({ model }, i) => {
              const weights = model as readonly number[];
              const width = levels[i + 1]! - levels[i]!;
              expect(Math.abs(sum(weights) - width)).toBeLessThan(1e-14 * sum(weights.map(Math.abs)));
            });
        }
      }
    }
  });

  it('E6: 16 nodes a panel are as good as 64 (1e-14); 4 are not', () => {
    const levels = timePower(vp, { steps: 10, ...VP, power: 2 });
    const error = (nodes: number): number =>
      Math.max(
        ...[...levels.slice(0, -1).keys()].map((i) => {
          const own = { levels, i, degree: 3, variable: (rho: number) => vp.timeOf(rho) };
          const [got, want] = [adamsBashforth({ ...own, nodes }), adamsBashforth({ ...own, nodes: 64 })];
          return Math.max(...got.map((c, j) => Math.abs(c - want[j]!))) / Math.max(...want.map(Math.abs));
        }),
      );
    expect(error(16)).toBeLessThan(1e-14);
    expect(error(4)).toBeGreaterThan(1e-9);
  });

  /** Σ over 10 000 left ends in τ, as released, of the coefficients of a step. */
  const rectangles = (schedule: Schedule, times: readonly number[], i: number, degree: number): number[] => {
    const nodes = Array.from({ length: Math.min(degree, i) + 1 }, (_, j) => times[i - j]!);
    const n = 10_000;
    return nodes.map((own, j) => {
      let total = 0;
      for (let k = 0; k < n; k++) {
        const tau = times[i]! + ((times[i + 1]! - times[i]!) * k) / n;
        const l = nodes.reduce((product, node, m) => (m === j ? product : (product * (tau - node)) / (own - node)), 1);
        total += (schedule.diffusion2(tau) / (2 * schedule.alpha(tau) * schedule.sigma(tau))) * l;
      }
      return (total * (times[i + 1]! - times[i]!)) / n;
    });
  };
  const off = (got: readonly number[], want: readonly number[]): number[] => got.map((c, j) => Math.abs(c / want[j]! - 1));

  it('10 000 rectangles are off by 6e-5 to 2e-4 a step, and by .4 to 1 % in a last step to 0 (docs/errata.md)', () => {
    const levels = timePower(vp, { steps: 10, ...VP, power: 2 });
    const times = Array.from(levels, (rho) => vp.timeOf(rho));
    const plan = deis().plan(vp, levels);
    const errors = plan.steps.map((_, i) => Math.max(...off(rectangles(vp, times, i, 3), numbers(plan, i, 'model'))));
    expect(Math.min(...errors)).toBeGreaterThan(5e-5);
    expect(Math.max(...errors)).toBeLessThan(2e-4);
    // DEIS-SN's levels: ᾱ linear between the entries of DDPM's table, τ quadratic down to 0. Newest coefficient, and oldest.
    const ddpm = vpDiscrete({ interpolant: 'alpha-bar' });
    for (const [steps, newest, oldest] of [
      [5, 0.0041, 0.0069],
      [10, 0.0063, 0.0099],
    ] as const) {
      const tau = Array.from({ length: steps + 1 }, (_, k) => (1 - k / steps) ** 2);
      const down = Float64Array.from(tau, (t) => ddpm.rho(t));
      const last = off(rectangles(ddpm, tau, steps - 1, 3), numbers(deis().plan(ddpm, down), steps - 1, 'model'));
      expect(last[0]! / newest).toBeCloseTo(1, 1);
      expect(last.at(-1)! / oldest).toBeCloseTo(1, 1);
    }
  });
});

describe('one method under several names', () => {
  const denoise = posteriorMean(M3);
  const ends = (sampler: Sampler, remembered: 'x0' | 'eps', schedule: Schedule, levels: Float64Array): number[][] =>
    starts(levels[0]!, 3).map((start) => hostRun(sampler.plan(schedule, levels), denoise, start, remembered));

  it('E5: degree 0 = DDIM = Euler = DPM-Solver-1 = DPM++1 = UniP1', () => {
    for (const [schedule, levels] of GRIDS) {
      const want = ends(euler(), 'x0', schedule, levels);
      const uni = { order: 1, corrector: false, ...NEVER } as const;
      const others: readonly Solver[] = [
        ['ddim', ddim({ eta: 0 }), 'x0'],
        ['deis t-ab', deis({ degree: 0 }), 'eps'],
        ['deis rho-ab', deis({ variant: 'rho-ab', degree: 0 }), 'eps'],
        ['deis log-rho-ab', deis({ variant: 'log-rho-ab', degree: 0 }), 'eps'],
        ['ipndm 1', ipndm({ terms: 1 }), 'eps'],
        ['UniP1', unipc(uni), 'x0'],
        ['UniP1 of ε̂', unipc({ ...uni, prediction: 'eps' }), 'eps'],
        ['euler-ancestral, η = 0', eulerAncestral({ eta: 0 }), 'x0'],
      ];
      others.forEach(([, sampler, remembered]) => expect(relative(ends(sampler, remembered, schedule, levels), want)).toBeLessThan(1e-13));
      levels.slice(1).forEach((next, i) => {
        const rho = levels[i]!;
        const { model } = dpmSolverStep(1, rho, next);
        expect(Math.abs(model[0]! - (next - rho))).toBeLessThan(1e-15 * rho);
        // DPM-Solver++ of order 1 is 2M's first step.
        const [first] = dpmpp2m(NEVER).plan(schedule, Float64Array.of(rho, next)).steps;
        const [same] = euler().plan(schedule, Float64Array.of(rho, next)).steps;
        expect(Math.abs((first!['model'] as number[])[0]! - (same!['model'] as number[])[0]!)).toBeLessThan(1e-15);
      });
    }
  });

  it('E7: the same levels give the same run in y under VP and EDM; not so for tAB and large ancestral', () => {
    const levels = timePower(vp, { steps: 12, ...VP, power: 2 });
    const same = (reference: written.Reference): number =>
      Math.max(
        ...starts(levels[0]!, 3)
          .slice(0, 4)
          .map((start) =>
            relative([reference({ denoise, schedule: vp, levels, start })], [reference({ denoise, schedule: edm(), levels, start })]),
          ),
      );
    const references = [
      written.ddim(0),
      written.heun,
      written.dpmSolver2s,
      written.dpmSolver3s,
      written.dpmpp2s,
      written.dpmpp(2),
      written.dpmpp(3),
      written.rhoAb(3),
      written.logRhoAb(2),
      written.rhoRk(4),
      written.ipndm(4),
      written.unipc({ order: 3, variant: 'bh2', data: true, shortcuts: true }),
    ];
    references.forEach((reference) => expect(same(reference)).toBeLessThan(1e-12));
    expect(same(written.tAb(3))).toBeGreaterThan(1e-3);
    for (const [name, sampler] of SOLVERS) {
      const [a, b] = [sampler.plan(vp, levels).steps, sampler.plan(edm(), levels).steps];
      if (name.startsWith('deis t-ab') && name !== 'deis t-ab 0') expect(a).not.toEqual(b);
      else expect(a).toEqual(b);
    }
    const large = ancestral({ variance: 'large' });
    expect(large.plan(vp, levels).steps).not.toEqual(large.plan(edm(), levels).steps);
  });

  it('E20: where UniPC solves its systems B cancels, bh1 = bh2; the published ½ tells them apart', () => {
    for (const [schedule, levels] of GRIDS) {
      for (const prediction of ['x0', 'eps'] as const) {
        for (const order of [1, 2, 3] as const) {
          const apart = (parity: 'exact' | 'published'): number => {
            const of = (variant: 'bh1' | 'bh2'): number[][] =>
              ends(unipc({ order, variant, prediction, parity, ...NEVER }), prediction, schedule, levels);
            return relative(of('bh1'), of('bh2'));
          };
          expect(apart('exact')).toBeLessThan(1e-12);
          expect(apart('published')).toBeGreaterThan(1e-6);
        }
      }
    }
  });

  it('E21: UniPC, and every multistep method, makes N calls', async () => {
    const inner = lifted(denoise);
    const levels = karras({ steps: 9, max: 80, min: 0.002 });
    for (const [name, sampler] of SOLVERS) {
      const plan = sampler.plan(edm(), levels);
      let calls = 0;
      await run(sampler, (y, rho) => (calls++, inner(y, rho)), starts(80, 3).slice(0, 1), plan, createNoise(1));
      expect([name, calls]).toEqual([name, plan.nfe]);
      if (MULTISTEP.some(([own]) => own === name)) expect(calls).toBe(9);
    }
  });

  it('E22: EDM’s Heun without churn is ρRK Heun; a last step to 0 is Euler’s', () => {
    for (const zero of [false, true]) {
      const levels = karras({ steps: 12, max: 80, min: 0.002, zero });
      const [edmPlan, rk] = [heun().plan(edm(), levels), deis({ variant: 'rho-heun' }).plan(edm(), levels)];
      for (const start of starts(80, 3)) {
        let y: Point = start;
        edmPlan.steps.forEach((_, i) => {
          const x0 = denoise(y, levels[i]!);
          const [a, b] = numbers(edmPlan, i, 'predict');
          const guess = combine([a!, y], [b!, x0]);
          const [keep, first, second] = numbers(edmPlan, i, 'correct');
          y = keep === undefined ? guess : combine([keep, y], [first!, x0], [second!, denoise(guess, levels[i + 1]!)]);
        });
        expect(relative([y], [hostRun(rk, denoise, start, 'eps')])).toBeLessThan(1e-13);
      }
      expect(rk.nfe).toBe(zero ? 23 : 24);
      expect(edmPlan.nfe).toBe(rk.nfe);
    }
  });

  it('E23: small ancestral = DDIM(1) = Euler-ancestral = SDE-DPM++ of order 1, coefficient by coefficient', () => {
    for (const [schedule, levels] of GRIDS) {
      levels.slice(1, -1).forEach((next, i) => {
        // Two levels more than the step, since ancestral adds no noise to a last one.
        const own = Float64Array.of(levels[i]!, next, next / 2);
        const all = [ancestral(), ddim({ eta: 1 }), eulerAncestral(), dpmpp2mSde()].map((sampler) => {
          const { keep, model, noise } = sampler.plan(schedule, own).steps[0]!;
          return [keep, (model as number[])[0], noise] as number[];
        });
        all.forEach((each) => each.forEach((c, k) => expect(Math.abs(c / all[0]![k]! - 1)).toBeLessThan(1e-12)));
      });
    }
  });

  it('E24: DDIM(1) and small ancestral add the variance of the posterior, 1/(1/ρ′² + 1/(ρ² − ρ′²))', () => {
    for (const [schedule, levels] of GRIDS) {
      for (const sampler of [ddim({ eta: 1 }), ancestral()]) {
        const { steps } = sampler.plan(schedule, levels);
        steps.slice(0, -1).forEach(({ noise }, i) => {
          const [rho, next] = [levels[i]!, levels[i + 1]!];
          expect(Math.abs((noise as number) ** 2 * (1 / next ** 2 + 1 / (rho ** 2 - next ** 2)) - 1)).toBeLessThan(1e-13);
        });
      }
    }
  });
});

describe('golden numbers (samplers.md 13)', () => {
  const levels = timePower(vp, { steps: 5, ...VP, power: 2 });
  const near = (got: readonly number[], want: readonly number[], digits = 1e-9): void => {
    expect(got.length).toBe(want.length);
    got.forEach((value, j) => expect(Math.abs(value / want[j]! - 1)).toBeLessThan(digits));
  };

  it('13.2: DEIS on five steps of the t² grid, divided by α′', () => {
    near(
      Array.from(levels, (rho) => vp.timeOf(rho)),
      [1, 0.6501592885, 0.3753389328, 0.1755389328, 0.05075928851, 0.001],
    );
    const tables: readonly (readonly [Sampler, readonly (readonly number[])[]])[] = [
      [
        deis({ variant: 't-ab', degree: 3 }),
        [
          [-143.765201],
          [-8.43410127, 1.826118792],
          [-1.781489694, 0.7922124314, -0.1857543088],
          [-0.7077965585, 0.3916311706, -0.1492458528, 0.0232591054],
          [-0.2269007095, 0.0817226302, -0.02404544939, 0.00310646085],
        ],
      ],
      [
        deis({ variant: 'rho-ab', degree: 2 }),
        [
          [-143.765201],
          [-6.759846183, 0.1518637059],
          [-1.284638786, 0.1098432447, -0.0002360303775],
          [-0.5410506857, 0.1016920905, -0.00279354006],
          [-0.2079909561, 0.04588840925, -0.004014521041],
        ],
      ],
      [
        deis({ variant: 'log-rho-ab', degree: 2 }),
        [
          [-143.765201],
          [-7.933072911, 1.325090434],
          [-1.674195761, 0.5869662297, -0.08780204006],
          [-0.7931543088, 0.4500048965, -0.09900272304],
          [-0.3990369162, 0.3790432753, -0.146123427],
        ],
      ],
    ];
    const rows = [-143.765201, -6.607982477, -1.175031571, -0.4421521353, -0.1661170679];
    for (const [sampler, table] of tables) {
      const plan = sampler.plan(vp, levels);
      table.forEach((want, i) => {
        near(numbers(plan, i, 'model'), want);
        near([sum(numbers(plan, i, 'model'))], [rows[i]!]);
      });
    }
  });

  it('β₀ = .01 is another schedule than .1: less than half the noise at t = 10⁻³ (docs/errata.md)', () => {
    expect(vpLinear().sigma(1e-3)).toBeCloseTo(0.0104854, 7);
    expect(vpLinear({ betaMin: 0.01 }).sigma(1e-3)).toBeCloseTo(0.0044716, 7);
  });

  it('13.4: UniPC’s weights', () => {
    // ρ^p, ρ^c and B are read back from the weights of [m₀, m₋₁, …] at ρ = 1, where c = 1 or ρ′.
    const rows = [
      [
        -0.5,
        [-1.2, -0.5],
        'bh1',
        [-0.7265296629, 1.1526523017],
        [-0.0869303307, 0.2145732812, 0.2984796883],
        [0.3632648314, -0.5763261509],
      ],
      [-0.5, [-1.2, -0.5], 'bh2', [-0.9232354195, 1.464729502], [-0.1104664606, 0.2726683623, 0.3792921808], [0.3632648314, -0.5763261509]],
      [0.5, [-1.2, -0.5], 'bh2', [-0.7454036372, 1.2039095547], [-0.105087215, 0.264778802, 0.2988143304], [-0.4835591947, 0.7810017361]],
      [-1, [-1], 'bh2', [0.5819767069], [0.0819767069, 0.5], [-0.3678794412]],
    ] as const;
    for (const [hh, r, variant, predictor, corrector, product] of rows) {
      const prediction = hh < 0 ? 'x0' : 'eps';
      const next = Math.exp(-Math.abs(hh));
      const history = r.map((each) => each * Math.abs(hh));
      const { predict, correct } = weightsOf({ rho: 1, next, history, variant, prediction, parity: 'exact' });
      const b = variant === 'bh1' ? hh : Math.expm1(hh);
      // The weight of m_j is −c B ρ_j/r_j; of m′ in the corrector −c B ρ_k.
      const c = hh < 0 ? 1 : next;
      const solved = (weights: readonly number[]): number[] => weights.map((w, j) => (-w * r[j]!) / (c * b));
      near(solved(predict.slice(1)), predictor, 2e-9);
      near([...solved(correct.slice(3)), -correct[1]! / (c * b)], corrector, 2e-9);
      near(
        solved(predict.slice(1)).map((w) => w * b),
        product,
        2e-9,
      );
    }
  });

  it('13.5: a step of DDPM from t = .5 to .4, in x', () => {
    const [a, b] = [vp.alpha(0.5), vp.alpha(0.4)];
    const { keep, model, noise } = ancestral().plan(vp, Float64Array.of(vp.rho(0.5), vp.rho(0.4), vp.rho(0.3))).steps[0]!;
    near([((keep as number) * b) / a, (model as number[])[0]! * b, (noise as number) * b], [0.5554552955, 0.2860123891, 0.7213355062]);
  });
});

describe('rows of weights', () => {
  it('of x̂₀: keep + Σ model = 1, so that a point which is its own answer stays; of ε̂: keep = 1 and Σ model = ρ′ − ρ', () => {
    for (const [schedule, levels] of GRIDS) {
      for (const [, sampler, remembered] of SOLVERS) {
        const plan = sampler.plan(schedule, levels);
        plan.steps.forEach(({ keep, model, correct }, i) => {
          const weights = model as readonly number[];
          const size = sum(weights.map(Math.abs));
          const width = levels[i + 1]! - levels[i]!;
          if (remembered === 'x0') expect(Math.abs((keep as number) + sum(weights) - 1)).toBeLessThan(1e-14 * Math.max(1, size));
          else expect([keep, Math.abs(sum(weights) - width) < 1e-14 * Math.max(size, Math.abs(width))]).toEqual([1, true]);
          if (correct === undefined) return;
          const [own, ...rest] = correct as readonly number[];
          const [restSize, before] = [sum(rest.map(Math.abs)), levels[i]! - levels[i - 1]!];
          if (remembered === 'x0') expect(Math.abs(own! + sum(rest) - 1)).toBeLessThan(1e-14 * Math.max(1, restSize));
          else expect(Math.abs(sum(rest) - before)).toBeLessThan(1e-14 * restSize);
        });
      }
    }
  });
});
