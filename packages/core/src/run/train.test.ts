import {
  add,
  div,
  log,
  matMul,
  mean,
  memory,
  mul,
  square,
  sub,
  sum,
  tensor1d,
  type Scalar,
  type Tensor,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../contracts/dataset.ts';
import type { Noise } from '../contracts/noise.ts';
import { STREAM } from '../contracts/noise.ts';
import { createNoise } from '../noise/noise.ts';
import { adam } from './adam.ts';
import { stepsWithin } from './budget.ts';
import { clipped } from './clip.ts';
import { createFeed, type Feed } from './feed.ts';
import { partGradient, type Shards } from './gradient.ts';
import { createParameters, type Parameters } from './parameters.ts';
import { trapezoid } from './rate.ts';
import type { Loss } from './score-loss.ts';
import { train, type TrainOptions, type TrainState, type TrainStep } from './train.ts';

const points: Dataset = {
  id: 'points',
  shape: [2],
  classes: 3,
  size: 10,
  rows: (indices) => ({
    images: Float32Array.from(indices, (i) => i).reduce(
      (out, i, row) => (out.set([i, -i / 2], row * 2), out),
      new Float32Array(indices.length * 2),
    ),
    labels: Int32Array.from(indices, (i) => i % 3),
  }),
};
const specs = [
  { name: 'w', shape: [2, 1] },
  { name: 'b', shape: [1] },
  { name: 'offset', shape: [1], trainable: false },
];
const initial = { w: Float32Array.of(0.5, -0.25), b: Float32Array.of(0.1), offset: Float32Array.of(0.3) };

/** Linear regression with noise in the inputs: mean (x w + b + offset − 1)². */
const regression: Loss = (weights, batch, noise) => {
  const x = add(batch.x0, mul(noise.normal(batch.x0.shape, { stream: STREAM.perturb, step: batch.step }), 0.1));
  const prediction = add(add(matMul(x as Tensor2D, weights['w'] as Tensor2D), weights['b']!), weights['offset']!);
  return mean(square(sub(prediction, 1)));
};

const setUp = (changes: Partial<TrainOptions> = {}): { parameters: Parameters; options: TrainOptions } => {
  const noise: Noise = createNoise(7);
  const parameters = createParameters(specs, initial);
  const feed = createFeed({ dataset: points, batchSize: 4, noise });
  return { parameters, options: { parameters, loss: regression, feed, optimizer: adam({ rate: 0.05 }), steps: 12, noise, ...changes } };
};

const finish = async (run: AsyncGenerator<TrainStep, TrainState>, onStep?: (step: TrainStep) => unknown): Promise<TrainState> => {
  for (;;) {
    const next = await run.next();
    if (next.done === true) return next.value;
    await onStep?.(next.value);
  }
};

describe('train', () => {
  it('follows Adam and the moving average, computed in float64 by hand', async () => {
    const { parameters, options } = setUp({ steps: 5 });
    const losses: number[] = [];
    const state = await finish(train(options), ({ loss }) => losses.push(loss));
    parameters.dispose();
    // the same five steps on the host
    const theta = [0.5, -0.25, 0.1];
    const [m, v, ema] = [[0, 0, 0], [0, 0, 0], [...theta]];
    for (let step = 0; step < 5; step++) {
      const z = options.noise.hostNormal([4, 2], { stream: STREAM.perturb, step });
      const g = [0, 0, 0];
      let loss = 0;
      options.feed.indices(step).forEach((i, row) => {
        const x = [i + 0.1 * z[2 * row]!, -i / 2 + 0.1 * z[2 * row + 1]!];
        const error = x[0]! * theta[0]! + x[1]! * theta[1]! + theta[2]! + 0.3 - 1;
        loss += error ** 2 / 4;
        [x[0]!, x[1]!, 1].forEach((factor, k) => (g[k]! += (2 * error * factor) / 4));
      });
      expect(Math.abs(losses[step]! - loss)).toBeLessThan(1e-4 * loss);
      g.forEach((gk, k) => {
        m[k] = 0.9 * m[k]! + 0.1 * gk;
        v[k] = 0.999 * v[k]! + 0.001 * gk ** 2;
        theta[k]! -= (0.05 * (m[k]! / (1 - 0.9 ** (step + 1)))) / (Math.sqrt(v[k]! / (1 - 0.999 ** (step + 1))) + 1e-8);
        const decay = Math.min(0.999, (1 + step) / (10 + step));
        ema[k] = decay * ema[k]! + (1 - decay) * theta[k]!;
      });
    }
    state.parameters.forEach((p, k) => expect(Math.abs(p - theta[k]!)).toBeLessThan(1e-5));
    state.ema.forEach((p, k) => expect(Math.abs(p - ema[k]!)).toBeLessThan(1e-5));
    expect(state.step).toBe(5);
  });

  it('resumes to the bit from any step', async () => {
    const whole = setUp();
    const straight = await finish(train(whole.options));
    whole.parameters.dispose();
    for (const cut of [1, 5, 11, 12]) {
      const first = setUp();
      let saved: TrainState | undefined;
      await finish(train({ ...first.options, steps: cut }), async (step) => {
        saved = await step.state();
      });
      first.parameters.dispose();
      const second = setUp();
      const resumed = await finish(train({ ...second.options, state: saved! }));
      second.parameters.dispose();
      expect(resumed).toEqual(straight);
    }
  });

  it('averages micro-batches to the same step, up to rounding', async () => {
    const [one, two] = [setUp(), setUp({ accumulate: 2 })];
    const [a, b] = [await finish(train(one.options)), await finish(train(two.options))];
    [one, two].forEach(({ parameters }) => parameters.dispose());
    a.parameters.forEach((p, k) => expect(Math.abs(p - b.parameters[k]!)).toBeLessThan(1e-5));
    const bad = setUp({ accumulate: 3 });
    await expect(finish(train(bad.options))).rejects.toThrow(
      /does not divide into equal parts: got 3, expected a divisor of the batch size 4/,
    );
    bad.parameters.dispose();
  });

  it('takes its parts from shards to the same bits, whatever they tell and in whatever order they answer', async () => {
    const before = memory().numTensors;
    const telling: Loss = (weights, batch, noise, observer) => {
      const informative = regression(weights, batch, noise);
      observer?.note?.({ informative: { value: informative, constant: 5 }, ess: { values: tensor1d([1]), rho: Float64Array.of(0.5) } });
      return add(informative, 5);
    };
    const said = async (changes: Partial<TrainOptions>): Promise<readonly unknown[]> => {
      const { parameters, options } = setUp({ loss: telling, accumulate: 4, ...changes });
      const steps: unknown[] = [];
      const state = await finish(train(options), ({ state: _, ...told }) => steps.push(told));
      parameters.dispose();
      return [...steps, state];
    };
    // A shard has weights, feed and noise of its own; the last part answers first.
    const other = setUp({ loss: telling });
    const shards: Shards = {
      gradients: async (step, weights, parts) => {
        const start = tensor1d(weights);
        other.parameters.flat.assign(start);
        start.dispose();
        const answers = new Map<number, Awaited<ReturnType<typeof partGradient>>>();
        for (const part of parts.toReversed()) answers.set(part.from, await partGradient(other.options, step, part));
        return parts.map(({ from }) => answers.get(from)!);
      },
    };
    expect(await said({ shards })).toEqual(await said({}));
    const poisoned = Promise.resolve({ value: NaN, gradient: new Float32Array(3), told: { constant: 0 } });
    await expect(said({ shards: { gradients: (_, __, parts) => Promise.all(parts.map(() => poisoned)) } })).rejects.toThrow(/not finite/);
    other.parameters.dispose();
    expect(memory().numTensors, 'but those of the run that was broken off').toBe(before + 2);
  });

  it('leaves no tensor behind: completed, broken off, or thrown', async () => {
    const before = memory().numTensors;
    const { parameters, options } = setUp();
    const during: number[] = [];
    await finish(train(options), () => during.push(memory().numTensors));
    expect(new Set(during).size).toBe(1);
    for await (const _ of train(options)) break;
    const failing: Loss = () => {
      throw new Error('planted');
    };
    await expect(finish(train({ ...options, loss: failing }))).rejects.toThrow('planted');
    parameters.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it('refuses data that are not finite, by image, before anything is applied', async () => {
    const before = memory().numTensors;
    const poisoned: Dataset = { ...points, rows: (indices) => ({ images: new Float32Array(2 * indices.length).fill(NaN) }) };
    const { parameters, options } = setUp();
    const feed = createFeed({ dataset: poisoned, batchSize: 4, noise: options.noise });
    await expect(finish(train({ ...options, feed }))).rejects.toThrow(
      `[points] image ${feed.indices(0)[0]} holds a value that is not finite: got NaN, expected finite numbers`,
    );
    parameters.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it('logs a constant that would drown the loss in float32 in float64, and passes on what targets are made of', async () => {
    const before = memory().numTensors;
    const { parameters, options } = setUp({ steps: 2, accumulate: 2 });
    const constant = -(2 ** 30) - 1 / 3;
    const drowned: Loss = (weights, batch, noise, observer) => {
      const informative = regression(weights, batch, noise);
      observer?.note?.({ informative: { value: informative, constant }, ess: { values: tensor1d([1, 3]), rho: Float64Array.of(0.5, 2) } });
      return add(informative, constant);
    };
    const plain: number[] = [];
    const others = setUp().parameters;
    await finish(train({ ...options, parameters: others }), (done) => plain.push(done.loss));
    others.dispose();
    const told: TrainStep[] = [];
    await finish(train({ ...options, loss: drowned }), (done) => told.push(done));
    told.forEach(({ loss, informative, ess }, i) => {
      expect(Math.abs(informative! - plain[i]!)).toBeLessThan(1e-6);
      expect(loss).toBe(informative! + constant); // in float32 it would be −2³⁰
      expect([...ess!.values]).toEqual([1, 3, 1, 3]);
      expect([...ess!.rho]).toEqual([0.5, 2, 0.5, 2]);
      expect([...ess!.classes]).toEqual([...options.feed.indices(i)].map((row) => row % 3));
    });
    parameters.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it('does not apply a loss that is not finite, and says which step, level and image', async () => {
    const before = memory().numTensors;
    const poisoned: Dataset = {
      ...points,
      rows: (indices) => {
        const rows = points.rows(indices);
        // The square of row 6 is beyond float32.
        Array.from(indices).forEach((i, row) => i === 6 && (rows.images[2 * row] = 1e30));
        return rows;
      },
    };
    const { parameters, options } = setUp();
    const feed: Feed = createFeed({ dataset: poisoned, batchSize: 4, noise: options.noise });
    const watched: Loss = (weights, batch, noise, observer) => {
      observer?.levels?.(0.125);
      return regression(weights, batch, noise);
    };
    let step = 0;
    while (!feed.indices(step).includes(6)) step++;
    const row = feed.indices(step).indexOf(6);
    let last: TrainState | undefined;
    await expect(
      finish(train({ ...options, feed, loss: watched }), async (done) => {
        last = await done.state();
      }),
    ).rejects.toThrow(`the loss of step ${step} is not finite: row ${row} (image 6) at noise level ρ = 0.125000`);
    const kept = (await parameters.flat.data()) as Float32Array;
    if (last !== undefined) expect([...kept]).toEqual([...last.parameters]);
    expect([...kept].every(Number.isFinite)).toBe(true);
    parameters.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it('catches a gradient that is not finite though the loss is', async () => {
    const { parameters, options } = setUp();
    const zeroRoot: Loss = (weights) => sum(mul(0, log(mul(weights['b'] as Tensor, 0)))) as Scalar;
    await expect(finish(train({ ...options, loss: zeroRoot }))).rejects.toThrow(/not finite/);
    parameters.dispose();
  });

  it('refuses the state of another network', async () => {
    const { parameters, options } = setUp();
    const state: TrainState = { step: 1, parameters: new Float32Array(2), ema: new Float32Array(3), slots: {} };
    await expect(finish(train({ ...options, state }))).rejects.toThrow(
      /vector "parameters" does not fit the network: got 2 numbers, expected 3/,
    );
    parameters.dispose();
  });
});

describe('optimisers', () => {
  it('AdamW decays the weights, not the gradient', async () => {
    const { parameters, options } = setUp({ steps: 1, optimizer: adam({ rate: 0.1, weightDecay: 0.5 }) });
    const plain = setUp({ steps: 1, optimizer: adam({ rate: 0.1 }) });
    const [decayed, kept] = [await finish(train(options)), await finish(train(plain.options))];
    [0.5, -0.25, 0.1].forEach((theta, k) => expect(decayed.parameters[k]! - kept.parameters[k]!).toBeCloseTo(-0.1 * 0.5 * theta, 6));
    [parameters, plain.parameters].forEach((each) => each.dispose());
  });

  it('clipping scales a long gradient to maxNorm and leaves a short one', async () => {
    const { parameters } = setUp();
    const identity = { id: 'identity', slots: [], update: (_p: Tensor, gradient: Tensor) => ({ parameters: gradient.clone(), slots: {} }) };
    const long = mul(parameters.flat, 100);
    const short = div(parameters.flat, 100);
    const clip = clipped({ maxNorm: 2, then: identity });
    const [a, b] = [clip.update(parameters.flat, long, {}, 0).parameters, clip.update(parameters.flat, short, {}, 0).parameters];
    const norm = async (t: Tensor): Promise<number> => Math.hypot(...((await t.data()) as Float32Array));
    expect(await norm(a)).toBeCloseTo(2, 5);
    expect(await norm(b)).toBeCloseTo(await norm(short), 8);
    [long, short, a, b].forEach((t) => t.dispose());
    parameters.dispose();
  });

  it('the rate warms up, holds, and falls to 0', () => {
    const rate = trapezoid({ peak: 2, warmup: 3, steps: 100, decay: 0.5 });
    expect([0, 1, 2, 3, 49, 50, 75, 99].map((step) => Number(rate(step).toFixed(6)))).toEqual([0.5, 1, 1.5, 2, 2, 2, 1, 0.04]);
  });
});

describe('feed', () => {
  it('visits every row once an epoch, in another order each time, and any part of a batch alone', async () => {
    const feed = createFeed({ dataset: points, batchSize: 4, noise: createNoise(1) });
    const seen = Array.from({ length: 5 }, (_, step) => [...feed.indices(step)]).flat();
    expect(new Set(seen.slice(0, 10)).size).toBe(10);
    expect(new Set(seen.slice(10, 20)).size).toBe(10);
    expect(seen.slice(0, 10)).not.toEqual(seen.slice(10));
    expect([...feed.indices(0)]).toEqual(seen.slice(0, 4)); // any order
    const [all, part] = [feed.batch(1), feed.batch(1, 2, 1)];
    expect([...(await part.x0.data())]).toEqual([...(await all.x0.data())].slice(4, 6));
    expect([...(await part.label!.data())]).toEqual([...(await all.label!.data())].slice(6, 9));
    [all.x0, all.label, part.x0, part.label].forEach((t) => t?.dispose());
  });

  it('drops labels at the rate it was told, row by row alike in parts', async () => {
    const feed = createFeed({
      dataset: { ...points, size: 4000, rows: points.rows },
      batchSize: 2000,
      noise: createNoise(2),
      labelDropout: 0.25,
    });
    const [all, part] = [feed.batch(3), feed.batch(3, 500, 100)];
    const hot = (await all.label!.data()) as Float32Array;
    const kept = hot.reduce((sum, x) => sum + x, 0) / 2000;
    expect(Math.abs(kept - 0.75)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 2000));
    expect([...(await part.label!.data())]).toEqual([...hot.slice(1500, 1800)]);
    [all.x0, all.label, part.x0, part.label].forEach((t) => t?.dispose());
  });

  it('gives a reference whose first rows are the batch', async () => {
    const feed = createFeed({ dataset: points, batchSize: 3, noise: createNoise(3), reference: 7 });
    const batch = feed.batch(0);
    expect(batch.reference!.shape).toEqual([7, 2]);
    expect([...(await batch.reference!.data())].slice(0, 6)).toEqual([...(await batch.x0.data())]);
    [batch.x0, batch.label, batch.reference, batch.referenceLabel].forEach((t) => t?.dispose());
    expect(() => createFeed({ dataset: points, batchSize: 8, noise: createNoise(3), reference: 7 })).toThrow(
      /smaller than the batch: got 7, expected at least 8/,
    );
  });
});

describe('stepsWithin', () => {
  it('divides the budget by the median step, and throws its scratch run away', async () => {
    const { parameters, options } = setUp();
    const before = memory().numTensors;
    let clock = 0;
    let calls = 0;
    const steps = await stepsWithin(120, options, initial, specs, { now: () => (clock += calls++ === 4 ? 5000 : 250) });
    expect(steps).toBe(480);
    expect(memory().numTensors).toBe(before);
    expect([...((await parameters.flat.data()) as Float32Array)]).toEqual([...Float32Array.of(0.5, -0.25, 0.1)]);
    parameters.dispose();
  });
});
