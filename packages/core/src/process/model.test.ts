import { add, memory, mul, tensor, tidy, zeros, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Network } from '../contracts/network.ts';
import type { Preconditioner } from '../contracts/preconditioner.ts';
import type { Schedule } from '../contracts/schedule.ts';
import { edm } from './edm.ts';
import { bindModel } from './model.ts';
import { edmPreconditioner, epsPreconditioner, scorePreconditioner, vPreconditioner, x0Preconditioner } from './preconditioner.ts';
import { subVp } from './sub-vp.ts';
import { ve } from './ve.ts';
import { vpLinear } from './vp-linear.ts';

/** A "network" that knows the answer: given x₀ and ε it returns what the head should predict. */
const oracle = (answer: (c: { x0: Tensor; eps: Tensor }) => Tensor, known: { x0: Tensor; eps: Tensor }): Network => ({
  kind: 'network',
  api: 1,
  name: 'oracle',
  config: {},
  shape: [2],
  classes: 3,
  parameters: [],
  init: () => ({}),
  apply: () => answer(known),
  doubleDifferentiable: true,
});

const schedules: readonly Schedule[] = [edm(), ve(), vpLinear(), subVp()];
const rho = Float64Array.of(0.3, 5);

describe.each(schedules.map((schedule) => [schedule.id, schedule] as const))(
  'every head gives the same denoiser under %s',
  (_, schedule) => {
    const heads: readonly [Preconditioner, (t: number, x0: Tensor, eps: Tensor) => Tensor][] = [
      [x0Preconditioner(), (_t, x0) => x0.clone()],
      [epsPreconditioner(), (_t, _x0, eps) => eps.clone()],
      [scorePreconditioner(), (t, _x0, eps) => mul(eps, -1 / schedule.sigma(t))], // ∇ log p(x_t | x₀) = −ε/σ
      [vPreconditioner(), (t, x0, eps) => add(mul(eps, schedule.alpha(t)), mul(x0, -schedule.sigma(t)))],
    ];
    it.each(heads.map(([preconditioner, answer]) => [preconditioner.id, preconditioner, answer] as const))(
      '%s',
      async (_id, preconditioner, answer) => {
        for (const level of rho) {
          const x0 = tensor([[0.5, -0.25]]);
          const eps = tensor([[1.25, -2]]);
          const y = tidy(() => add(x0, mul(eps, level)));
          const network = oracle((known) => answer(schedule.timeOf(level), known.x0, known.eps), { x0, eps });
          const before = memory().numTensors;
          const model = bindModel({ network, weights: {}, schedule, preconditioner });
          const denoised = model.denoise(y, level);
          const values = await denoised.data();
          denoised.dispose();
          expect(memory().numTensors).toBe(before);
          expect(values[0]).toBeCloseTo(0.5, 4);
          expect(values[1]).toBeCloseTo(-0.25, 4);
          [x0, eps, y].forEach((t) => t.dispose());
        }
      },
    );
  },
);

describe('EDM preconditioning', () => {
  it('has unit-variance input and effective target: in² (ρ² + σd²) = 1, w(ρ) out² = 1', () => {
    for (const level of [0.002, 0.1, 0.5, 3, 80]) {
      const { skip, out, in: scale, noise } = edmPreconditioner({ sigmaData: 0.6 }).at(level, edm());
      const total = level ** 2 + 0.36;
      expect(scale ** 2 * total).toBeCloseTo(1, 12);
      expect((total / (level * 0.6) ** 2) * out ** 2).toBeCloseTo(1, 12);
      expect(skip).toBeCloseTo(0.36 / total, 12);
      expect(noise).toBeCloseTo(Math.log(level) / 4, 12);
    }
  });

  it('takes one level for all rows or one each, alike', async () => {
    const x0 = zeros([2, 2]);
    const model = bindModel({
      network: oracle(
        () =>
          tensor([
            [1, 2],
            [3, 4],
          ]),
        { x0, eps: x0 },
      ),
      weights: {},
      schedule: edm(),
      preconditioner: edmPreconditioner(),
    });
    const y = tensor([
      [1, 1],
      [2, 2],
    ]);
    const [one, each] = [model.denoise(y, 2), model.denoise(y, Float64Array.of(2, 2))];
    expect([...(await one.data())]).toEqual([...(await each.data())]);
    [x0, y, one, each].forEach((t) => t.dispose());
  });

  it('refuses a wrong shape, a wrong count of levels, ρ = 0 and wrong labels', () => {
    const x0 = zeros([2, 2]);
    const model = bindModel({
      network: oracle(() => x0.clone(), { x0, eps: x0 }),
      weights: {},
      schedule: edm(),
      preconditioner: edmPreconditioner(),
    });
    const wide = zeros([2, 3]);
    expect(() => model.denoise(wide, 1)).toThrow(/another shape than the network: got \[3\], expected \[2\]/);
    expect(() => model.denoise(x0, Float64Array.of(1))).toThrow(/not one noise level a row/);
    expect(() => model.denoise(x0, 0)).toThrow(/row 0 asks for a noise level/);
    expect(() => model.denoise(x0, 1, zeros([2, 2]))).toThrow(/another number of classes: got 2, expected 3/);
    [x0, wide].forEach((t) => t.dispose());
  });
});
