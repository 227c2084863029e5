import { add, matMul, memory, mul, sub, tensor, tensor2d, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Denoiser } from '../contracts/model.ts';
import type { Sampler } from '../contracts/sampler.ts';
import { createNoise } from '../noise/noise.ts';
import { edm } from '../process/edm.ts';
import { karras } from '../process/levels.ts';
import { inpainted } from '../solve/inpainted.ts';
import { linearSampler, type LinearStep } from '../solve/linear.ts';
import { repaint, repaintPath, type RepaintOptions } from './repaint.ts';
import { sample, type SampleEvent } from './sample.ts';

const facts = { stochastic: true, reachesZero: true, batchCoupled: false, likelihood: false, guidance: true, inpainting: true };
const linear = (name: string, step: (rho: number, next: number, i: number) => LinearStep): Sampler =>
  linearSampler({
    name,
    facts,
    reference: '',
    coefficients: (_, levels) => ({ steps: Array.from(levels.subarray(1), (next, i) => step(levels[i]!, next, i)) }),
  });
const ancestral = linear('ancestral', (rho, next) => {
  const keep = (next / rho) ** 2;
  return { keep, model: [1 - keep], noise: next * Math.sqrt(1 - keep) };
});
const euler = linear('euler', (rho, next) => ({ keep: next / rho, model: [1 - next / rho] }));
/** Heun's method: two calls a step, none of them of another step. */
const heun = linear('heun', (rho, next) => {
  const [r, h] = [next / rho, next - rho];
  return next === 0
    ? { keep: 0, model: [1] }
    : { keep: r, model: [(-h / (2 * rho)) * (1 + h / next), -h / (2 * next)], at: [next], stages: [[r, 1 - r]] };
});
/** Adams–Bashforth of order two with equal weights: whatever it is good for, it looks back. */
const lookingBack = linear('looking-back', (rho, next, i) => {
  const pull = 1 - next / rho;
  return { keep: 1 - pull, model: i === 0 ? [pull] : [1.5 * pull, -0.5 * pull] };
});

/** Two pixels of variance 1 and correlation .9, mean 0: what is unknown is .9 of what is known, ±√.19. */
const correlation = 0.9;
const correlated: Denoiser = (y, rho) => {
  const v = (rho as number) ** 2;
  // Σ(Σ + ρ²I)⁻¹: eigenvalues 1 ± c along (1, ±1).
  const [plus, minus] = [(1 + correlation) / (1 + correlation + v), (1 - correlation) / (1 - correlation + v)];
  const [same, other] = [(plus + minus) / 2, (plus - minus) / 2];
  return tidy(() =>
    matMul(
      y as Tensor & { rank: 2 },
      tensor2d([
        [same, other],
        [other, same],
      ]),
    ),
  );
};

const known = tensor2d([[1.5, 0]]);
const mask = tensor2d([[1, 0]]);
const planOf = (sampler: Sampler, steps = 20) => sampler.plan(edm(), karras({ steps, max: 80, min: 0.01, zero: true }));
const options: RepaintOptions = {
  sampler: ancestral,
  plan: planOf(ancestral),
  denoise: correlated,
  shape: [2],
  count: 6,
  batchSize: 4,
  noise: createNoise(5),
  known,
  mask,
  jumpLength: 3,
  resamples: 3,
};

const imagesOf = async (run: AsyncIterable<SampleEvent>): Promise<number[]> => {
  const values: number[] = [];
  for await (const event of run) if (event.kind === 'images') values.push(...(await event.images.data()));
  return values;
};
const draw = (changes: Partial<RepaintOptions> = {}): Promise<number[]> => imagesOf(repaint({ ...options, ...changes }));

const unknown = (values: readonly number[]): { readonly mean: number; readonly variance: number; readonly se: number } => {
  const own = values.filter((_, at) => at % 2 === 1);
  const mean = own.reduce((a, b) => a + b, 0) / own.length;
  const variance = own.reduce((a, b) => a + (b - mean) ** 2, 0) / (own.length - 1);
  return { mean, variance, se: Math.sqrt(variance / own.length) };
};

describe('repaintPath', () => {
  it('is the published walk', () => {
    // By hand: five steps, jumps of two, each stretch twice. Levels in order; from the last but one, and from two above it, back up once.
    const path = repaintPath(5, { jumpLength: 2, resamples: 2 });
    expect([0, ...path.map(({ to }) => to)]).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 2, 3, 4, 5]);
    expect(repaintPath(3, { jumpLength: 1, resamples: 1 })).toHaveLength(3);
    // Algorithm 1 makes every step but the last U times; the first and last levels are not returned to from below.
    expect(repaintPath(4, { jumpLength: 1, resamples: 3 }).filter(({ from, to }) => to > from)).toHaveLength(4 + 3 * 2);
  });
});

describe('repaint', () => {
  it('comes nearer to the conditional than replacement alone, and near to it', async () => {
    const [count, batchSize] = [4000, 4000];
    const exact = correlation * 1.5;
    const alone = unknown(await imagesOf(sample({ ...options, count, batchSize, denoise: inpainted(correlated, { known, mask }) })));
    const once = unknown(await draw({ count, batchSize, resamples: 1 }));
    const repainted = unknown(await draw({ count, batchSize, jumpLength: 1, resamples: 10 }));
    const jumping = unknown(await draw({ count, batchSize, jumpLength: 4, resamples: 10 }));
    for (const better of [repainted, jumping])
      for (const worse of [alone, once]) {
        const gain = Math.abs(worse.mean - exact) - Math.abs(better.mean - exact);
        expect(gain).toBeGreaterThan(4 * Math.hypot(better.se, worse.se));
      }
    expect(Math.abs(repainted.mean - exact)).toBeLessThan(0.1);
  });

  it('is `sample` to the bit where nothing is known and nothing is walked twice', async () => {
    const nothing = tensor2d([[0, 0]]);
    const bare = await imagesOf(sample({ ...options }));
    expect(await draw({ mask: nothing, resamples: 1 })).toEqual(bare);
    nothing.dispose();
  });

  it('noises the state again by what its new level asks for', async () => {
    // Where D = 0, y/ρ is N(0, 1) at every level, and Euler keeps it so.
    const count = 4000;
    const nothing = tensor2d([[0, 0]]);
    const zero: Denoiser = (y) => mul(y, 0);
    const plan = euler.plan(edm(), karras({ steps: 12, max: 80, min: 0.01 }));
    for await (const event of repaint({
      ...options,
      jumpLength: 1,
      sampler: euler,
      plan,
      denoise: zero,
      mask: nothing,
      count,
      batchSize: count,
    })) {
      if (event.kind !== 'step') continue;
      const values = (await event.step.y.data()) as Float32Array;
      const variance = values.reduce((total, v) => total + v * v, 0) / values.length / event.step.rho ** 2;
      expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / values.length));
    }
    nothing.dispose();
  });

  it('noises the known pixels as their level asks for, and ends with them as they are', async () => {
    const [count, plan] = [4000, planOf(ancestral, 8)];
    const squares = new Map<number, number>();
    for await (const event of repaint({ ...options, plan, count, batchSize: count, jumpLength: 2 })) {
      const values = await (event.kind === 'step' ? event.step.y : event.images).data();
      const own = Array.from(values).filter((_, at) => at % 2 === 0);
      if (event.kind === 'images') expect(new Set(own)).toEqual(new Set([1.5]));
      else if (event.step.i > 0) squares.set(event.step.i, own.reduce((sum, v) => sum + ((v - 1.5) / event.step.rho) ** 2, 0) / count);
    }
    expect(squares.size).toBe(7);
    for (const variance of squares.values()) expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / count));
  });

  it('draws image i from the seed and i alone, with known pixels of its own', async () => {
    const each = tensor2d(
      Float32Array.from({ length: 12 }, (_, at) => at / 4),
      [6, 2],
    );
    const masks = tensor2d([1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1], [6, 2]);
    const whole = await draw({ known: each, mask: masks });
    expect(whole).toHaveLength(12);
    for (const batchSize of [1, 5, 6]) expect(await draw({ known: each, mask: masks, batchSize })).toEqual(whole);
    const own = await masks.data();
    const held = await each.data();
    whole.forEach((v, at) => own[at] === 1 && expect(v).toBe(held[at]));
    expect((await draw({ first: 2, count: 3 }))).toEqual((await draw()).slice(4, 10)); // prettier-ignore
    expect(await draw({ noise: createNoise(6) })).not.toEqual(await draw());
    [each, masks].forEach((tensors) => tensors.dispose());
  });

  it('takes a sampler of several calls a step, and refuses one that looks back, in a sentence', async () => {
    expect((await draw({ sampler: heun, plan: planOf(heun) })).every(Number.isFinite)).toBe(true);
    const before = memory().numTensors;
    const refused = draw({ sampler: lookingBack, plan: planOf(lookingBack) });
    await expect(refused).rejects.toThrow(
      /\[repaint\] step 1 of looking-back is another one when it is made alone: expected a sampler without history/,
    );
    // One that hides it: the same coefficients in every step, the answer before kept in a variable.
    const hiding: Sampler = {
      ...euler,
      name: 'hiding',
      async *steps(denoise, start, { levels }) {
        let y = start.clone();
        let before: Tensor | undefined;
        try {
          for (let i = 0; i + 1 < levels.length; i++) {
            const x0 = await denoise(y, levels[i]!);
            yield { i, rho: levels[i]!, y, x0 };
            const next = tidy(() => {
              const guess = before === undefined ? x0 : add(mul(x0, 1.1), mul(before, -0.1));
              return add(guess, mul(sub(y, guess), levels[i + 1]! / levels[i]!));
            });
            before?.dispose();
            before = x0;
            y.dispose();
            y = next;
          }
          return y.clone();
        } finally {
          y.dispose();
          before?.dispose();
        }
      },
    };
    await expect(draw({ sampler: hiding, plan: planOf(hiding) })).rejects.toThrow(/step 1 of hiding is another one/);
    expect(memory().numTensors).toBe(before);
  });

  it('leaves no tensor behind: completed, broken off, or thrown; and refuses what does not fit', async () => {
    const [flat, three] = [tensor([1, 0]), tensor2d([1, 0, 1, 0, 1, 0], [3, 2])];
    const before = memory().numTensors;
    await draw();
    expect(memory().numTensors).toBe(before);
    for (const wanted of [1, 4, 9]) {
      let events = 0;
      for await (const _ of repaint(options)) if (++events === wanted) break;
      expect(memory().numTensors).toBe(before);
    }
    let calls = 0;
    const failing: Denoiser = (y, rho) => (++calls === 11 ? Promise.reject(new Error('planted')) : correlated(y, rho));
    await expect(draw({ denoise: failing })).rejects.toThrow('planted');
    await expect(draw({ known: flat })).rejects.toThrow(/known does not fit/);
    await expect(draw({ mask: three })).rejects.toThrow(/mask does not fit the images: got \[3,2\], expected \[6, 2\]/);
    await expect(draw({ resamples: 0 })).rejects.toThrow(/\[repaint\] resamples is no count: got 0/);
    expect(memory().numTensors).toBe(before);
    [flat, three].forEach((each) => each.dispose());
  });
});
