import {
  conv2d,
  exp,
  getBackend,
  grad,
  mul,
  reshape,
  sigmoid,
  softmax,
  sum,
  tanh,
  tensor,
  tidy,
  type Rank,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';

/** Refuses a network or model whose gradients cannot be differentiated again, by name. `subject` is who needs it. */
export const requireDoubleDifferentiable = (
  subject: string,
  { name, doubleDifferentiable }: { readonly name?: string; readonly doubleDifferentiable: boolean },
): void => {
  if (doubleDifferentiable) return;
  throw tweedieError({
    subject,
    problem: `${name === undefined ? 'the model' : `network ${name}`} is not safe under double differentiation`,
    expected: 'a network that is doubleDifferentiable',
    remedy: 'choose another network, or an objective of first order (dsm, lcss, stf, fd-ssm)',
  });
};

/** Functions whose second derivative TensorFlow.js is known to get wrong where a gradient saved its output, and f″ of each. */
const PROBES: readonly (readonly [name: string, f: (x: Tensor) => Tensor, second: (x: number) => number])[] = [
  ['x·sigmoid(x)', (x) => mul(x, sigmoid(x)), (x) => ((s) => s * (1 - s) * (2 + x * (1 - 2 * s)))(1 / (1 + Math.exp(-x)))],
  ['x·tanh(x)', (x) => mul(x, tanh(x)), (x) => ((y) => 2 * (1 - y * y) * (1 - x * y))(Math.tanh(x))],
  ['x·exp(x)', (x) => mul(x, exp(x)), (x) => (2 + x) * Math.exp(x)],
  // Two logits (x, 0): the first probability is a sigmoid.
  [
    'x·softmax(x)',
    (x) => sum(mul(mul(softmax(mul(x, tensor([1, 0], [1, 2]))), tensor([1, 0], [1, 2])), x), 1, true),
    (x) => ((s) => s * (1 - s) * (2 + x * (1 - 2 * s)))(1 / (1 + Math.exp(-x))),
  ],
  // (x ⊛ x)(0) of one pixel is x².
  ['convolution', (x) => sum(conv2d(reshape<Rank.R4>(x, [1, 1, 1, 1]), reshape<Rank.R4>(x, [1, 1, 1, 1]), 1, 'valid')), () => 2],
];

const probed = new Map<string, Promise<void>>();

/**
 * Takes a few second derivatives whose values are known, once an engine, and refuses an engine that gets one wrong or has none.
 * The umbrella package `@tensorflow/tfjs` registers gradients that are silently wrong here (tensorflow/tfjs#3252).
 */
export const probeSecondOrder = (subject: string): Promise<void> => {
  const engine = getBackend();
  const before = probed.get(engine);
  if (before !== undefined) return before;
  const running = probe(subject, engine);
  probed.set(engine, running);
  running.catch(() => probed.delete(engine));
  return running;
};

const probe = async (subject: string, engine: string): Promise<void> => {
  const at = 0.7;
  for (const [name, f, second] of PROBES) {
    let got: number;
    try {
      const result = tidy(() => grad((x: Tensor) => grad(f)(x))(tensor([at], [1, 1])));
      [got] = (await result.data()) as unknown as [number];
      result.dispose();
    } catch (cause) {
      throw refusal(subject, engine, name, cause instanceof Error ? cause.message : cause, second(at), cause);
    }
    if (!(Math.abs(got - second(at)) <= 1e-4 * Math.abs(second(at)))) throw refusal(subject, engine, name, got, second(at));
  }
};

const refusal = (subject: string, engine: string, name: string, got: unknown, expected: number, cause?: unknown): Error =>
  tweedieError({
    subject,
    problem: `the engine ${engine} has the wrong second derivative of ${name} at 0.7`,
    got,
    expected: expected.toPrecision(6),
    remedy:
      'select the engine with selectEngine of @tweedie/backend and do not import @tensorflow/tfjs, or use an objective of first order',
    ...(cause === undefined ? {} : { cause }),
  });
