import { add, mul, slice, tanh, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { tweedieError, type TweedieError } from '../contracts/error.ts';
import type { Denoiser } from '../contracts/model.ts';
import { STREAM, type Draw, type Noise } from '../contracts/noise.ts';
import type { Plan, Sampler, Step } from '../contracts/sampler.ts';
import { createNoise } from '../noise/noise.ts';
import { mapLevels, scaleRows } from '../process/scale-rows.ts';
import { checkMask, fits, replaced, type Inpainting } from '../solve/inpainted.ts';
import { owning } from '../solve/owning.ts';
import { drawPrior } from '../solve/prior.ts';
import { sample, type SampleEvent, type SampleOptions } from './sample.ts';

/** `known` holds one image for all, or one for each of the `count` images that are drawn. */
export interface RepaintOptions extends SampleOptions, Inpainting {
  /** Steps that are taken back at once. Default 10. */
  readonly jumpLength?: number;
  /** Times that each stretch is walked: 1 never goes back. Default 10. */
  readonly resamples?: number;
}

/**
 * RePaint: inpainting that goes back and forth between noise levels, so that what is drawn comes to agree with what is known.
 *
 * A. Lugmayr et al. (2201.09865), algorithm 1, §4.2 and the jumps of appendix B, in y = x/α. After each step of the sampler
 *
 *     y ← m ∘ (known + ρ z) + (1 − m) ∘ y                     the known pixels, noised afresh
 *
 * and every `jumpLength` levels the state is noised again, up to a level ρ_up that many steps before, and walked down anew:
 *
 *     y ← y + √(ρ_up² − ρ²) z
 *
 * The mask may be [1, …] or one for each image, like `known`. A {@link Step}'s `i` is its level's index in the plan and may come again.
 * Noise is addressed by (how many moves were made, draw), so that image i depends on the seed and i alone.
 *
 * Going back makes the past void: a sampler whose step looks back on earlier ones is refused. Whether it does is seen, not asked: a small
 * run by a denoiser of ours must give the same bits when each step is made alone, from the same state.
 */
export async function* repaint(options: RepaintOptions): AsyncGenerator<SampleEvent, void, void> {
  const { sampler, plan, shape, count, first = 0, noise, known, mask, jumpLength = 10, resamples = 10 } = options;
  fits('known', known.shape, [count, ...shape]);
  fits('mask', mask.shape, [count, ...shape]);
  const path = repaintPath(plan.levels.length - 1, { jumpLength, resamples });
  await checkMask(mask);
  await requireSingleStep(sampler, plan, shape);

  const walking: Sampler = {
    ...sampler,
    steps: (denoise, start, own, ownNoise) => {
      const from = ownNoise.firstRow - noise.firstRow - first;
      const part = (whole: Tensor): Tensor =>
        whole.shape[0] === 1 ? whole.clone() : slice(whole, [from, ...shape.map(() => 0)], [start.shape[0]!, ...whole.shape.slice(1)]);
      const here = { known: part(known), mask: part(mask) };
      return owning(here.known, owning(here.mask, walk(sampler, denoise, start, own, ownNoise, here, path)));
    },
  };
  yield* sample({ ...options, sampler: walking });
}

/** From one level of a plan to another, by index: one step down, or back up. */
interface Move {
  readonly from: number;
  readonly to: number;
}

/**
 * The moves of RePaint through N steps. From every level that is a multiple of `jumpLength` above the last but one, `resamples` − 1 times,
 * `jumpLength` levels up. The downward moves are the network calls of a sampler that makes one a step.
 */
export const repaintPath = (
  steps: number,
  { jumpLength, resamples }: { readonly jumpLength: number; readonly resamples: number },
): readonly Move[] => {
  for (const [name, value] of Object.entries({ jumpLength, resamples }))
    if (!Number.isInteger(value) || value < 1)
      throw tweedieError({ subject: 'repaint', problem: `${name} is no count`, got: value, expected: 'an integer ≥ 1' });
  const left = Array.from({ length: steps }, (_, i) => (i >= jumpLength && (steps - 1 - i) % jumpLength === 0 ? resamples - 1 : 0));
  const path: Move[] = [];
  let at = 0;
  while (at < steps) {
    path.push({ from: at, to: at + 1 });
    at++;
    if (at < steps && left[at]! > 0) {
      left[at]!--;
      path.push({ from: at, to: at - jumpLength });
      at -= jumpLength;
    }
  }
  return path;
};

async function* walk(
  sampler: Sampler,
  denoise: Denoiser,
  start: Tensor,
  plan: Plan,
  noise: Noise,
  inpainting: Inpainting,
  path: readonly Move[],
): AsyncGenerator<Step, Tensor, void> {
  let y = start;
  let returned = false;
  const move = (next: Tensor): void => {
    if (y !== start) y.dispose();
    y = next;
  };
  const drawn = (k: number, draw: number): Tensor => noise.normal(y.shape, { stream: STREAM.process, step: k, draw });
  try {
    for (const [k, { from, to }] of path.entries()) {
      const rho = plan.levels[to]!;
      if (to < from) {
        const sd = Math.sqrt(rho ** 2 - plan.levels[from]! ** 2);
        move(tidy(() => add(y, mul(drawn(k, 1), sd))));
        continue;
      }
      move(yield* oneStep(sampler, denoise, y, plan, from, movedTo(noise, k)));
      const { known, mask } = inpainting;
      move(tidy(() => replaced({ known: rho === 0 ? known : add(known, mul(drawn(k, 0), rho)), mask }, y)));
    }
    returned = true;
    return y;
  } finally {
    if (!returned && y !== start) y.dispose();
  }
}

/** Step i of a plan by itself, as a plan of one step. */
async function* oneStep(
  sampler: Sampler,
  denoise: Denoiser,
  y: Tensor,
  plan: Plan,
  i: number,
  noise: Noise,
): AsyncGenerator<Step, Tensor, void> {
  const alone: Plan = { ...plan, levels: plan.levels.slice(i, i + 2), steps: plan.steps.slice(i, i + 1), nfe: null };
  const run = sampler.steps(denoise, y, alone, noise);
  try {
    for (;;) {
      const next = await run.next();
      if (next.done === true) return next.value;
      yield { ...next.value, i };
    }
  } finally {
    await run.return(undefined as never);
  }
}

/** Noise in which the first step of a sampler is its k-th. */
const movedTo = (noise: Noise, k: number): Noise => {
  const moved = (at: Draw): Draw => ({ ...at, step: k + (at.step ?? 0) });
  return Object.freeze<Noise>({
    seed: noise.seed,
    firstRow: noise.firstRow,
    normal: (shape, at) => noise.normal(shape, moved(at)),
    uniform: (shape, at) => noise.uniform(shape, moved(at)),
    rademacher: (shape, at) => noise.rademacher(shape, moved(at)),
    hostNormal: (shape, at) => noise.hostNormal(shape, moved(at)),
    hostUniform: (shape, at) => noise.hostUniform(shape, moved(at)),
    rows: (offset) => movedTo(noise.rows(offset), k),
  });
};

/** Refuses a sampler whose step is not a function of the state alone: every step of a run must be the same bits when it is made by itself. */
const requireSingleStep = async (sampler: Sampler, plan: Plan, shape: readonly number[]): Promise<void> => {
  const noise = createNoise(0);
  const denoise: Denoiser = (y, rho) =>
    tidy(() =>
      scaleRows(
        tanh(y),
        mapLevels(rho, (level) => 1 / (1 + level)),
      ),
    );
  const refused = (i: number, cause?: unknown): TweedieError =>
    tweedieError({
      subject: 'repaint',
      problem: `step ${i} of ${sampler.name} is another one when it is made alone`,
      expected: 'a sampler without history, for going back makes it void',
      remedy: 'choose ddim, ancestral or heun, or inpaint without going back (inpainted)',
      ...(cause === undefined ? {} : { cause }),
    });
  const states: Tensor[] = [];
  const kept = async (run: AsyncGenerator<Step, Tensor, void>): Promise<Tensor> => {
    for (;;) {
      const next = await run.next();
      if (next.done === true) return next.value;
      states.push(next.value.y.clone());
    }
  };
  try {
    const start = drawPrior(noise, [1, ...shape], plan);
    states.push(await kept(owning(start, sampler.steps(denoise, start, plan, noise))));
    const whole = [...states];
    for (let i = 0; i + 1 < plan.levels.length; i++) {
      let alone: Tensor;
      try {
        alone = await kept(oneStep(sampler, denoise, whole[i]!, plan, i, movedTo(noise, i)));
      } catch (cause) {
        throw refused(i, cause);
      }
      states.push(alone);
      const [together, byItself] = [await whole[i + 1]!.data(), await alone.data()];
      if (together.some((v, at) => v !== byItself[at])) throw refused(i);
    }
  } finally {
    states.forEach((state) => state.dispose());
  }
};
