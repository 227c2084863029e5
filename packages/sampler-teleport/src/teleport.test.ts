import { memory, neg, tensor } from '@tensorflow/tfjs-core';
import { G5, gaussian, type Gaussian } from '@tweedie/analytic';
import { expectNoLeak, testSampler, threeModes } from '@tweedie/conformance';
import {
  createNoise,
  createProvided,
  drawPrior,
  edm,
  isTweedieError,
  karras,
  logSnr,
  sample,
  vpLinear,
  type Denoiser,
  type Noise,
  type Plan,
  type Sampler,
  type StatisticsFile,
} from '@tweedie/core';
import classic, { dpmpp2m, euler, heun } from '@tweedie/sampler-classic';
import deisSn from '@tweedie/sampler-deis-sn';
import pds from '@tweedie/sampler-pds';
import { describe, expect, it } from 'vitest';
import plugin, { gaussianFlow, hostGaussianFlow, teleport, type TeleportPlan } from './index.ts';

const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i]!)), a.length === b.length ? 0 : Infinity);
const size = (a: ArrayLike<number>): number => Math.sqrt(Array.from(a).reduce((sum, v) => sum + v * v, 0));
const message = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return isTweedieError(error) ? error.message : `not ours: ${String(error)}`;
  }
  return 'nothing was thrown';
};

/** A random orthonormal frame [d, r] by Gram–Schmidt. */
const frame = (d: number, r: number, seed = 3): Float64Array => {
  const u = createNoise(seed).hostNormal([d, r], { stream: 1 });
  for (let round = 0; round < 2; round++)
    for (let k = 0; k < r; k++) {
      for (let l = 0; l < k; l++) {
        let dot = 0;
        for (let i = 0; i < d; i++) dot += u[i * r + k]! * u[i * r + l]!;
        for (let i = 0; i < d; i++) u[i * r + k]! -= dot * u[i * r + l]!;
      }
      let norm = 0;
      for (let i = 0; i < d; i++) norm += u[i * r + k]! ** 2;
      for (let i = 0; i < d; i++) u[i * r + k]! /= Math.sqrt(norm);
    }
  return u;
};
const points = (d: number, n: number, scale: number): Float64Array =>
  createNoise(9)
    .hostNormal([n, d], { stream: 2 })
    .map((v) => v * scale);

const full = gaussian({ mean: [1, -2, 0.5, 0, 3, -1], eigen: { values: [5, 2, 1, 0.3, 0.05, 0.01], vectors: frame(6, 6) } });
const lowRank = gaussian({ mean: [1, -2, 0.5, 0, 3, -1], eigen: { values: [5, 2], vectors: frame(6, 2), floor: 0.1 } });
const problems: Readonly<Record<string, Gaussian>> = { G5, full, lowRank };

/** A matrix by its entries, inverted by Gauss–Jordan: shares nothing with the eigenvectors of the package. */
const inverse = (matrix: Float64Array, d: number): Float64Array => {
  const a = Array.from({ length: d }, (_, i) =>
    Array.from({ length: 2 * d }, (_, j) => (j < d ? matrix[i * d + j]! : j - d === i ? 1 : 0)),
  );
  for (let c = 0; c < d; c++) {
    const best = a.slice(c).reduce((at, row, i) => (Math.abs(row[c]!) > Math.abs(a[at]![c]!) ? c + i : at), c);
    [a[c], a[best]] = [a[best]!, a[c]!];
    const pivot = a[c]![c]!;
    a[c] = a[c]!.map((v) => v / pivot);
    for (let i = 0; i < d; i++) {
      if (i === c) continue;
      const factor = a[i]![c]!;
      a[i] = a[i]!.map((v, j) => v - factor * a[c]![j]!);
    }
  }
  return Float64Array.from(a.flatMap((row) => row.slice(d)));
};
const rk4 = (
  slope: (at: number, y: Float64Array) => Float64Array,
  y0: Float64Array,
  from: number,
  to: number,
  steps: number,
): Float64Array => {
  const h = (to - from) / steps;
  let y = y0;
  const moved = (k: Float64Array, by: number): Float64Array => y.map((v, i) => v + by * k[i]!);
  for (let n = 0; n < steps; n++) {
    const t = from + n * h;
    const k1 = slope(t, y);
    const k2 = slope(t + h / 2, moved(k1, h / 2));
    const k3 = slope(t + h / 2, moved(k2, h / 2));
    const k4 = slope(t + h, moved(k3, h));
    y = y.map((v, i) => v + (h / 6) * (k1[i]! + 2 * k2[i]! + 2 * k3[i]! + k4[i]!));
  }
  return y;
};
/** −(αΣα + σ²)⁻¹ (x − αμ) by a dense inverse. */
const denseScore = (g: Gaussian, alpha: number, sigma: number) => {
  const d = g.dims;
  const precision = inverse(
    g.covariance().map((v, i) => alpha * alpha * v + (i % (d + 1) === 0 ? sigma * sigma : 0)),
    d,
  );
  return (x: Float64Array): Float64Array =>
    x.map((_, i) => {
      let sum = 0;
      for (let j = 0; j < d; j++) sum -= precision[i * d + j]! * (x[j]! - alpha * g.mean[j]!);
      return sum;
    });
};

const file = (own: Partial<StatisticsFile['header']>, tensors: StatisticsFile['tensors']): StatisticsFile => ({
  subject: 'here.safetensors',
  header: { kind: 'gaussian', form: 'eigen', shape: [12], layout: 'NHWC', range: [-1, 1], ...own } as StatisticsFile['header'],
  tensors,
});

describe('the flow', () => {
  it.each(Object.entries(problems))('E12: of %s is the analytic one and that of RK4 in VP and EDM, 1e-10', (_, g) => {
    const start = points(g.dims, 1, 40);
    expect(far(hostGaussianFlow(g, start, 40, 2), g.flow(start, 40, 2))).toBeLessThan(1e-13 * 40);
    // EDM, in u = log ρ: dy/du = −ρ² ∇log p.
    const byEdm = rk4((u, y) => denseScore(g, 1, Math.exp(u))(y).map((s) => -Math.exp(2 * u) * s), start, Math.log(40), Math.log(2), 1000);
    expect(far(hostGaussianFlow(g, start, 40, 2), byEdm)).toBeLessThan(1e-10);
    // VP, in x and t: dx/dt = a x − ½ g² ∇log p_t.
    const vp = vpLinear();
    const [t, s] = [1, 0.45];
    const x = points(g.dims, 1, 1);
    const byVp = rk4(
      (at, v) => {
        const score = denseScore(g, vp.alpha(at), vp.sigma(at))(v);
        return v.map((each, i) => vp.drift(at) * each - 0.5 * vp.diffusion2(at) * score[i]!);
      },
      x,
      t,
      s,
      2000,
    );
    const byFlow = hostGaussianFlow(
      g,
      x.map((v) => v / vp.alpha(t)),
      vp.rho(t),
      vp.rho(s),
    ).map((v) => v * vp.alpha(s));
    expect(far(byFlow, byVp)).toBeLessThan(1e-10);
  });

  it.each(Object.entries(problems))('E12: of %s on tensors, 1e-5 of the start', async (_, g) => {
    const start = points(g.dims, 7, 80);
    for (const [from, to] of [
      [80, 20],
      [80, 0.5],
      [0.5, 80],
    ] as const) {
      const y = tensor(Float32Array.from(start), [7, g.dims]);
      const out = gaussianFlow(g, y, from, to);
      const exact = g.flow(Float32Array.from(start), from, to);
      expect(far(await out.data(), exact)).toBeLessThan(1e-5 * Math.max(...exact.map(Math.abs)));
      [y, out].forEach((each) => each.dispose());
    }
  });

  it.each(Object.entries(problems))('E13: of %s composes, is inverted and stands still, 1e-13 of the start', (_, g) => {
    const start = points(g.dims, 5, 80);
    const there = hostGaussianFlow(g, start, 80, 5);
    expect(far(hostGaussianFlow(g, hostGaussianFlow(g, start, 80, 20), 20, 5), there) / 80).toBeLessThan(1e-13);
    expect(far(hostGaussianFlow(g, there, 5, 80), start) / 80).toBeLessThan(1e-13);
    expect(hostGaussianFlow(g, start, 20, 20)).toEqual(start);
  });

  it('E14: to any level, and on by RK4 in 200 steps, ends where the flow ends, 1e-8', () => {
    const start = points(5, 1, 80);
    const exact = G5.flow(start, 80, 0.3);
    for (const skip of [60, 20, 5, 1]) {
      const at = hostGaussianFlow(G5, start, 80, skip);
      const end = rk4((u, y) => denseScore(G5, 1, Math.exp(u))(y).map((s) => -Math.exp(2 * u) * s), at, Math.log(skip), Math.log(0.3), 200);
      expect(far(end, exact)).toBeLessThan(1e-8 * 80);
    }
  });

  it('has the golden numbers of samplers.md 13.5', () => {
    const g = gaussian({ mean: [0.5, -0.2], diagonal: [4, 0.25] });
    expect(far(hostGaussianFlow(g, [100, -50], 80, 20), [25.4912570596, -12.6536467844])).toBeLessThan(1e-10);
    expect(far(hostGaussianFlow(g, [100, -50], 80, 5), [7.1957066474, -3.3279626946])).toBeLessThan(1e-10);
    const psi: readonly (readonly [number, readonly number[]])[] = [
      [100, [0.51140831, 0.2773501, 0.1754116, 0.13867505]],
      [1, [0.50011716, 0.25029275, 0.12561363, 0.063732765]],
      [0, [0.5, 0.25, 0.125, 0.0625]],
    ];
    for (const [lambda, golden] of psi)
      [40, 20, 10, 5].forEach((to, i) => {
        const unit = gaussian({ mean: [0], isotropic: lambda });
        expect(hostGaussianFlow(unit, [1], 80, to)[0]).toBeCloseTo(golden[i]!, 8);
      });
  });

  it('E15: of data of rank 6 in 12 dimensions needs 6 eigenvectors, 1e-12; on full-rank data the PPCA floor halves the error', () => {
    const u = frame(12, 12);
    const kept = (r: number): Float64Array => Float64Array.from({ length: 12 * r }, (_, i) => u[Math.floor(i / r) * 12 + (i % r)]!);
    const stored = (r: number, spectrum: readonly number[]): StatisticsFile => {
      const rest = spectrum.slice(r).reduce((sum, v) => sum + v, 0);
      return file(
        { floor: r < 12 ? rest / (12 - r) : 0 },
        {
          mean: { shape: [12], data: new Float64Array(12).fill(0.3) },
          values: { shape: [r], data: Float64Array.from(spectrum.slice(0, r)) },
          vectors: { shape: [12, r], data: kept(r) },
        },
      );
    };
    const truth = (spectrum: readonly number[]): Gaussian =>
      gaussian({ mean: new Float64Array(12).fill(0.3), eigen: { values: spectrum, vectors: u } });
    const start = points(12, 64, 80);
    const low = [4, 2, 1, 0.6, 0.3, 0.1, 0, 0, 0, 0, 0, 0];
    for (const floor of ['ppca', 'zero'] as const)
      expect(far(hostGaussianFlow(stored(6, low), start, 80, 0.5, floor), truth(low).flow(start, 80, 0.5)) / 80).toBeLessThan(1e-12);

    const wide = Array.from({ length: 12 }, (_, k) => 4 / (1 + k) ** 1.5);
    const exact = truth(wide).flow(start, 80, 0.5);
    const error = (r: number, floor: 'ppca' | 'zero'): number => {
      const got = hostGaussianFlow(stored(r, wide), start, 80, 0.5, floor);
      return size(got.map((v, i) => v - exact[i]!)) / size(exact);
    };
    for (const r of [2, 6]) expect(error(r, 'ppca')).toBeLessThan(0.62 * error(r, 'zero'));
  });
});

const images = { mean: [0.1, 0.2, -0.1, 0.3], diagonal: [0.6, 0.4, 0.2, 0.3], shape: [2, 2, 1] };
const near = gaussian(images);

testSampler({
  title: 'teleport, Heun',
  create: () => teleport({ skipTo: 8, then: heun(), gaussian: near }),
  order: { create: () => teleport({ skipTo: 10, then: heun(), gaussian: near }) },
});
testSampler({
  title: 'teleport, DPM-Solver++(2M), levels kept',
  create: () => teleport({ skipTo: 8, then: dpmpp2m(), grid: 'keep' }),
  order: { create: () => teleport({ skipTo: 10, then: dpmpp2m({ lowerOrderFinal: 'never' }) }) },
});
testSampler({
  title: 'teleport, churn',
  create: () => teleport({ skipTo: 8, then: heun({ sChurn: 4 }), gaussian: near }),
  order: { create: () => teleport({ skipTo: 10, then: heun() }) },
  deviates: { 'yields each step before its update': 'x0 is D(ŷ; ρ̂), as in heun with churn' },
});

const noise = createNoise(4n);
const draw = async (sampler: Sampler, plan: Plan, denoise: Denoiser = threeModes.denoiser, own: Noise = noise): Promise<Float32Array> => {
  for await (const event of sample({ sampler, plan, denoise, shape: [2, 2, 1], count: 6, batchSize: 4, noise: own }))
    if (event.kind === 'images') return (await event.images.data()) as Float32Array;
  throw new Error('no images');
};

/** A stranger's: Euler with a prior of its own, and a note. */
const stranger: Sampler = {
  ...euler(),
  name: 'strange',
  start: (own, shape, plan) => {
    const y = drawPrior(own, shape, plan);
    const opposite = neg(y);
    y.dispose();
    return opposite;
  },
  plan: (schedule, levels) => ({ ...euler().plan(schedule, levels), sampler: 'strange', notes: ['it is strange'] }),
};

const everySampler = [classic, deisSn, pds]
  .flatMap(({ provides }) => provides)
  .filter(({ kind }) => kind === 'sampler')
  .map((provision) => [provision.name, provision] as const);

describe('the sampler', () => {
  it.each([...everySampler, ['stranger', undefined] as const])(
    'in front of %s: its plan on the levels that are left, to the bit',
    async (_, provision) => {
      const then = provision === undefined ? stranger : await createProvided<'sampler'>(provision, {});
      for (const schedule of [edm(), vpLinear()]) {
        const levels = karras({ steps: 8, max: 80, min: 0.002, zero: then.facts.reachesZero });
        // To the first level: nothing happens.
        const [same, plain] = [teleport({ skipTo: 80, then, gaussian: near }), then.plan(schedule, levels)];
        const trivial = same.plan(schedule, levels);
        expect(trivial).toMatchObject({ sampler: 'teleport', nfe: plain.nfe, steps: plain.steps, levels: plain.levels });
        expect(await draw(same, trivial)).toEqual(await draw(then, plain));
        // Else: the inner sampler from the mapped start.
        const sampler = teleport({ skipTo: 20, then, gaussian: near });
        const plan = sampler.plan(schedule, levels);
        const rest = then.plan(schedule, karras({ steps: 8, max: 20, min: 0.002, zero: then.facts.reachesZero }));
        expect(plan.nfe).toBe(rest.nfe);
        expect(far(plan.levels, rest.levels)).toBeLessThan(1e-12);
        expect(plan.notes.slice(2)).toEqual(rest.notes);
        const mapped: Sampler = {
          ...then,
          start: async (own, shape) => {
            const y = await (then.start ?? drawPrior)(own, shape, plain);
            const moved = gaussianFlow(near, y, 80, 20);
            y.dispose();
            return moved;
          },
        };
        const rows = await draw(mapped, (plan as TeleportPlan).then);
        expect(await draw(sampler, plan)).toEqual(rows);
        expect(far(rows, await draw(then, plain))).toBeGreaterThan(1e-4);
      }
    },
  );

  it('keeps the prior of a sampler that draws its own', async () => {
    const levels = karras({ steps: 4, max: 80, min: 0.002 });
    const sampler = teleport({ skipTo: 20, then: stranger, gaussian: near });
    const plan = sampler.plan(edm(), levels);
    const y = await sampler.start!(noise, [3, 2, 2, 1], plan);
    const prior = drawPrior(noise, [3, 2, 2, 1], { schedule: edm(), levels });
    const opposite = neg(prior);
    const exact = near.flow(await opposite.data(), 80, 20);
    expect(far(await y.data(), exact)).toBeLessThan(1e-4);
    [y, prior, opposite].forEach((each) => each.dispose());
    expect(plan.notes.at(-1)).toBe('it is strange');
  });

  it('E16: to level K of a grid of Karras is the grid of n − K levels from there, 1e-13', () => {
    for (const zero of [false, true]) {
      const levels = karras({ steps: 18, max: 80, min: 0.002, zero });
      for (const skipped of [1, 4, 12]) {
        const skipTo = levels[skipped]!;
        const expected = karras({ steps: 18 - skipped, max: skipTo, min: 0.002, zero });
        const plan = teleport({ skipTo, then: heun(), grid: 'keep' }).plan(edm(), levels);
        expect(far(plan.levels, expected)).toBeLessThan(1e-13 * 80);
        expect(plan.nfe).toBe(heun().plan(edm(), expected).nfe);
        const again = teleport({ skipTo, then: heun() }).plan(edm(), levels);
        expect(far(again.levels, karras({ steps: 18, max: skipTo, min: 0.002, zero }))).toBeLessThan(1e-13 * 80);
        expect(again.nfe).toBe(heun().plan(edm(), levels).nfe);
      }
    }
  });

  it('lands on the nearest level of a kept grid and says so; says what is skipped', () => {
    const levels = karras({ steps: 18, max: 80, min: 0.002, zero: true });
    const kept = teleport({ skipTo: 20, then: heun(), grid: 'keep' }).plan(edm(), levels);
    expect(kept.levels[0]).toBe(levels[4]);
    expect(kept.notes.join('; ')).toMatch(
      /80 → 19\.3\d+ .*isotropic, mean 0, standard deviation 0\.5.*0 network calls.*4 levels are skipped: 19\.3\d+ is .* nearest to 20/,
    );
    expect(teleport({ skipTo: 20, then: heun() }).plan(edm(), levels).notes.join('; ')).toMatch(
      /80 → 20 .*18 steps are spaced anew from 20 down/,
    );
    expect(teleport({ skipTo: 20, then: heun() }).plan(edm(), Float64Array.of(80, 0)).levels).toEqual(Float64Array.of(20, 0));
    expect(kept.steps).toEqual(heun().plan(edm(), levels.slice(4)).steps);
  });

  it('refuses a level outside the grid, what is no sampler, what is no Gaussian, and a teleport in a teleport', () => {
    const levels = karras({ steps: 6, max: 10, min: 0.3 });
    const plan = (skipTo: number, then: Sampler = heun()) => message(() => teleport({ skipTo, then }).plan(edm(), levels));
    expect(plan(20)).toMatch(/\[teleport\] skipTo is above the first level: got 20, expected a level in \(0\.3, 10\]; lower skipTo/);
    expect(plan(0.3)).toMatch(/not above the last level.*got 0\.3.*raise skipTo/);
    expect(plan(8, teleport({ skipTo: 5, then: heun() }))).toMatch(/one teleport is enough/);
    expect(plan(10, teleport({ skipTo: 5, then: heun() }))).toBe('nothing was thrown'); // nothing is skipped: the inner one
    expect(message(() => teleport({ then: { use: 'heun' } as unknown as Sampler }))).toMatch(/then is no sampler/);
    expect(message(() => teleport({ then: heun(), gaussian: 'mnist.safetensors' as unknown as Gaussian }))).toMatch(
      /gaussian is no Gaussian.*path/,
    );
    expect(message(() => teleport({ then: heun() }).steps(threeModes.denoiser, neg(0), heun().plan(edm(), levels), noise))).toMatch(
      /plan of another sampler/,
    );
  });

  it('E17: refuses statistics of another range, layout, kind, shape, and ascending eigenvalues', async () => {
    const tensors: StatisticsFile['tensors'] = {
      mean: { shape: [12], data: new Float64Array(12) },
      values: { shape: [2], data: Float64Array.of(2, 1) },
      vectors: { shape: [12, 2], data: frame(12, 2) },
    };
    const made = (own: object, other: StatisticsFile['tensors'] = {}) =>
      message(() => teleport({ then: heun(), gaussian: file({ floor: 0.1, ...own }, { ...tensors, ...other }) }));
    expect(made({})).toBe('nothing was thrown');
    expect(made({ range: [0, 1] })).toMatch(/\[here\.safetensors\].*another range: got \[0,1\], expected \[-1,1\]/);
    expect(made({ layout: 'NCHW' })).toMatch(/another layout: got NCHW/);
    expect(made({ kind: 'pds-filter' })).toMatch(/another kind/);
    expect(made({ floor: undefined })).toMatch(/variance outside/);
    expect(made({}, { values: { shape: [2], data: Float64Array.of(1, 2) } })).toMatch(/not the largest first/);
    expect(made({}, { vectors: { shape: [2, 12], data: frame(12, 2) } })).toMatch(
      /"vectors" has another shape: got \[2,12\], expected \[12, 2\]/,
    );
    const sampler = teleport({ then: heun(), gaussian: file({ floor: 0.1 }, tensors) });
    const plan = sampler.plan(edm(), karras({ steps: 4, max: 80, min: 0.002 }));
    await expect(sampler.start!(noise, [2, 2, 2, 1], plan)).rejects.toThrow(
      /of another shape than the images: got \[12\], expected \[2,2,1\]/,
    );
  });

  it('takes each image by the Gaussian of its class, by the index of the image', async () => {
    const other = gaussian({ ...images, mean: [-0.6, 0.1, 0.4, -0.2] });
    const label = (image: number): number => [0, 1, 1, -1][image % 4]!;
    const sampler = teleport({ skipTo: 1, then: heun(), gaussian: threeModesAsOne, classes: [near, other], label });
    const plan = sampler.plan(edm(), karras({ steps: 4, max: 80, min: 0.002 }));
    const rows = noise.rows(5);
    await expectNoLeak('teleport', 'in start by class', async () => {
      const y = await sampler.start!(rows, [6, 2, 2, 1], plan);
      const prior = drawPrior(rows, [6, 2, 2, 1], { schedule: edm(), levels: Float64Array.of(80) });
      const [got, from] = [await y.data(), await prior.data()];
      for (let i = 0; i < 6; i++) {
        const own = [near, other, threeModesAsOne].at(label(5 + i))!;
        expect(far(got.subarray(i * 4, i * 4 + 4), own.flow(from.subarray(i * 4, i * 4 + 4), 80, 1))).toBeLessThan(1e-5 * 4);
      }
      [y, prior].forEach((each) => each.dispose());
    });
    expect(plan.notes[0]).toMatch(/2 of them, by class/);
    expect(message(() => teleport({ then: heun(), classes: [near] }))).toMatch(/nothing says which image is of which class.*give label/);
    const short = teleport({ skipTo: 1, then: heun(), classes: [near], label: () => 3 });
    await expect(short.start!(rows, [6, 2, 2, 1], plan)).rejects.toThrow(/no Gaussian of this class: got 3/);
  });

  it('leaks nothing when a run completes, breaks or throws', async () => {
    const sampler = teleport({ skipTo: 8, then: dpmpp2m(), gaussian: near });
    const plan = sampler.plan(edm(), logSnr({ steps: 5, max: 80, min: 0.01 }));
    const before = memory().numTensors;
    const go = (denoise: Denoiser) => sample({ sampler, plan, denoise, shape: [2, 2, 1], count: 3, noise });
    for await (const event of go(threeModes.denoiser)) expect(event.first).toBe(0);
    for await (const event of go(threeModes.denoiser)) if (event.kind === 'step' && event.step.i === 2) break;
    let calls = 0;
    const failing: Denoiser = (y, rho) => {
      if (++calls === 3) throw new Error('no network');
      return threeModes.denoiser(y, rho);
    };
    await expect(
      (async () => {
        for await (const event of go(failing)) expect(event.first).toBe(0);
      })(),
    ).rejects.toThrow('no network');
    expect(memory().numTensors).toBe(before);
  });

  it('is nearer to the exact end than the same number of calls from the top: three modes, DPM-Solver++(2M), 8 steps', async () => {
    const levels = logSnr({ steps: 8, max: 80, min: 0.05 });
    const g = gaussian({ ...momentsOf(), shape: [2, 2, 1] });
    const error = async (skipTo: number): Promise<number> => {
      const sampler = teleport({ skipTo, then: dpmpp2m(), gaussian: g });
      const prior = drawPrior(noise, [4, 2, 2, 1], { schedule: edm(), levels });
      const exact = threeModes.flow(await prior.data(), 80, 0.05);
      prior.dispose();
      const got = (await draw(sampler, sampler.plan(edm(), levels))).subarray(0, 16);
      return size(got.map((v, i) => v - exact[i]!)) / size(exact);
    };
    const [none, twenty, five] = [await error(80), await error(20), await error(5)];
    expect(twenty).toBeLessThan(none);
    expect(five).toBeLessThan(none);
  });

  it('is made by name with another sampler as a part', async () => {
    const [provision] = plugin.provides;
    expect(provision!.parts).toEqual({ then: 'sampler' });
    expect((await createProvided<'sampler'>(provision!, { then: heun(), skipTo: 5 })).name).toBe('teleport');
    await expect(createProvided(provision!, { then: heun(), skip: 5 })).rejects.toThrow(/skip/);
    expect(teleport({ then: heun() }).reference).toMatch(/wang2024[\s\S]*karras2022/);
  });
});

/** Mean and covariance of the mixture. */
function momentsOf(): { mean: number[]; covariance: Float64Array } {
  const x = threeModes.sample(createNoise(77), 20000);
  const mean = [0, 1, 2, 3].map((k) => x.reduce((sum, v, i) => (i % 4 === k ? sum + v / 20000 : sum), 0));
  const covariance = new Float64Array(16);
  for (let i = 0; i < 20000; i++)
    for (let a = 0; a < 4; a++)
      for (let b = 0; b < 4; b++) covariance[a * 4 + b]! += ((x[i * 4 + a]! - mean[a]!) * (x[i * 4 + b]! - mean[b]!)) / 19999;
  return { mean, covariance };
}
const threeModesAsOne = gaussian({ ...momentsOf(), shape: [2, 2, 1] });
