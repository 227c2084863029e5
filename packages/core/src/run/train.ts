import { add, mul, square, stack, sum, tensor1d, tidy, zerosLike, type Tensor } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Optimizer } from '../contracts/optimizer.ts';
import { received, valueAndGradient, type GradientOptions, type Shards } from './gradient.ts';
import type { Parameters } from './parameters.ts';
import { listener, together, type Ess } from './listener.ts';

/** Everything that the next step depends on, on the host: what a checkpoint holds. The noise's position is the step. */
export interface TrainState {
  /** Steps done. */
  readonly step: number;
  readonly parameters: Float32Array;
  /** Moving average of the parameters: what inference uses. */
  readonly ema: Float32Array;
  /** The optimiser's memory. */
  readonly slots: Readonly<Record<string, Float32Array>>;
}

export interface TrainStep {
  /** Steps done, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  /** The part of the loss that depends on the weights, where the objective told it apart: loss minus a constant that float32 would drown in. */
  readonly informative?: number;
  /** How many reference points each row's target was made of, where the objective said so, with its noise level and class (−1: none). */
  readonly ess?: Ess;
  /** Reads the state back. */
  state(): Promise<TrainState>;
}

export interface TrainOptions extends GradientOptions {
  readonly optimizer: Optimizer;
  /** The total: a resumed run goes on to it. */
  readonly steps: number;
  /** Greatest decay of the moving average, min(decay, (1 + n)/(10 + n)) at step n. Default 0.999. */
  readonly emaDecay?: number;
  /** A batch is split into so many parts and their gradients are averaged: less memory, the same step to rounding. Default 1. */
  readonly accumulate?: number;
  /** Who computes these parts, at once. Default: nobody, they are computed here, one after the other, to the same bits. */
  readonly shards?: Shards;
  /** Where to go on from; absent at the beginning. */
  readonly state?: TrainState;
}

/**
 * Minimises a loss, step by step; the caller decides about logging, checkpoints and when to stop.
 *
 * A step is a pure function of (state, step number, seed), so that a run that is resumed from a saved state ends with the same bits.
 * A loss or gradient that is not finite is not applied: the step is run again row by row, and the error says which step, level and image.
 * Yields after every step; returns the final state. `parameters.flat` holds the weights meanwhile.
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainStep, TrainState, void> {
  const { parameters, optimizer, steps, emaDecay = 0.999, state } = options;
  const { flat } = parameters;
  const memory = recall(flat, optimizer, state);
  let { ema, slots } = memory;
  const read = async (step: number): Promise<TrainState> => ({
    step,
    parameters: await floats(flat),
    ema: await floats(ema),
    slots: Object.fromEntries(await Promise.all(Object.entries(slots).map(async ([name, slot]) => [name, await floats(slot)] as const))),
  });
  try {
    if ((state?.step ?? 0) < steps) await options.loss.ready?.();
    for (let step = state?.step ?? 0; step < steps; step++) {
      const { gradient, ...told } = await gradientOf(options, step);
      try {
        const next = optimizer.update(flat, gradient, slots, step);
        flat.assign(next.parameters);
        // ema ← d ema + (1 − d) θ
        const decay = Math.min(emaDecay, (1 + step) / (10 + step));
        const average = tidy(() => add(mul(ema, decay), mul(flat, 1 - decay)));
        [ema, ...Object.values(slots), next.parameters].forEach((old) => old.dispose());
        ema = average;
        slots = { ...next.slots };
      } finally {
        gradient.dispose();
      }
      yield { step: step + 1, ...told, state: () => read(step + 1) };
    }
    return await read(Math.max(steps, state?.step ?? 0));
  } finally {
    [ema, ...Object.values(slots)].forEach((tensor) => tensor.dispose());
  }
}

/** Loss and gradient of a step, averaged over its micro-batches; refused where they are not finite. */
const gradientOf = async (
  options: TrainOptions,
  step: number,
): Promise<{ gradient: Tensor } & Pick<TrainStep, 'loss' | 'gradientNorm' | 'informative' | 'ess'>> => {
  const { feed, parameters, shards, accumulate = 1 } = options;
  const part = feed.batchSize / accumulate;
  if (!Number.isInteger(part)) {
    throw tweedieError({
      subject: 'accumulate',
      problem: 'the batch does not divide into equal parts',
      got: accumulate,
      expected: `a divisor of the batch size ${feed.batchSize}`,
    });
  }
  const parts = Array.from({ length: accumulate }, (_, i) => ({ from: i * part, count: part }));
  const sent = await shards?.gradients(step, await floats(parameters.flat), parts);
  let sums = undefined as { value: Tensor; gradient: Tensor } | undefined;
  const heard = listener();
  const here = (from: number): { value: Tensor; gradient: Tensor } => {
    const batch = feed.batch(step, from, part);
    return valueAndGradient(options, batch, from, { note: (note) => heard.note(note, batch.label) });
  };
  try {
    for (const [i, { from }] of parts.entries()) {
      const next = sent === undefined ? here(from) : received(sent[i]!);
      const before = sums;
      sums =
        before === undefined ? next : tidy(() => ({ value: add(before.value, next.value), gradient: add(before.gradient, next.gradient) }));
      if (before !== undefined) [before.value, before.gradient, next.value, next.gradient].forEach((tensor) => tensor.dispose());
    }
  } catch (error) {
    [sums?.value, sums?.gradient].forEach((tensor) => tensor?.dispose());
    heard.dispose();
    throw error;
  }
  const { value, gradient } = sums!;
  const read = tidy(() => stack([value, sum(square(gradient))]));
  const [total, squares] = (await read.data()) as unknown as [number, number];
  [read, value].forEach((tensor) => tensor.dispose());
  const { informative, constant, ess } = sent === undefined ? await heard.read() : together(sent.map(({ told }) => told));
  if (!Number.isFinite(total) || !Number.isFinite(squares)) {
    gradient.dispose();
    throw await culprit(options, step, total);
  }
  const mean = accumulate === 1 ? gradient : mul(gradient, 1 / accumulate);
  if (mean !== gradient) gradient.dispose();
  return {
    gradient: mean,
    loss: (informative === undefined ? total : informative + constant) / accumulate,
    gradientNorm: Math.sqrt(squares) / accumulate,
    ...(informative === undefined ? {} : { informative: informative / accumulate }),
    ...(ess === undefined ? {} : { ess }),
  };
};

/** Runs a step again, row by row, for the first row whose loss or gradient is not finite. */
const culprit = async (options: TrainOptions, step: number, got: number): Promise<Error> => {
  const { feed } = options;
  const images = feed.indices(step);
  const remedy = 'nothing was applied; resume from the last checkpoint with a lower rate, clipping, or without the row';
  for (let row = 0; row < feed.batchSize; row++) {
    let level: number | undefined;
    const { value, gradient } = valueAndGradient(options, feed.batch(step, row, 1), row, {
      levels: (rho) => {
        level ??= typeof rho === 'number' ? rho : rho[0];
      },
    });
    const read = tidy(() => stack([value, sum(square(gradient))]));
    const bad = [...(await read.data())].some((x) => !Number.isFinite(x));
    [read, value, gradient].forEach((tensor) => tensor.dispose());
    if (bad) {
      const at = level === undefined ? '' : ` at noise level ρ = ${level.toPrecision(6)}`;
      return tweedieError({
        subject: 'train',
        problem: `the loss of step ${step} is not finite: row ${row} (image ${images[row]})${at}`,
        got,
        expected: 'a finite loss and gradient',
        remedy,
        code: 'NON_FINITE',
      });
    }
  }
  return tweedieError({
    subject: 'train',
    problem: `the loss of step ${step} is not finite, though that of each row alone is`,
    got,
    expected: 'a finite loss and gradient',
    remedy,
    code: 'NON_FINITE',
  });
};

/** The vectors that a run starts with, from a saved state or from the initial weights. */
const recall = (
  flat: Parameters['flat'],
  optimizer: Optimizer,
  state: TrainState | undefined,
): { ema: Tensor; slots: Record<string, Tensor> } => {
  if (state === undefined) return { ema: flat.clone(), slots: Object.fromEntries(optimizer.slots.map((name) => [name, zerosLike(flat)])) };
  const vector = (name: string, values: Float32Array | undefined): Tensor => {
    if (values?.length !== flat.size) {
      throw tweedieError({
        subject: 'checkpoint',
        problem: `its vector "${name}" does not fit the network`,
        got: values === undefined ? 'nothing' : `${values.length} numbers`,
        expected: `${flat.size} numbers`,
        remedy: 'resume with the configuration that the run was started with',
      });
    }
    return tensor1d(values, 'float32');
  };
  const start = vector('parameters', state.parameters);
  flat.assign(start);
  start.dispose();
  return {
    ema: vector('ema', state.ema),
    slots: Object.fromEntries(optimizer.slots.map((name) => [name, vector(name, state.slots[name])])),
  };
};

const floats = async (tensor: Tensor): Promise<Float32Array> => Float32Array.from((await tensor.data()) as Float32Array);
