import { grads, memory, mul, add, sum, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { createNoise } from '@tweedie/core';

/** A differentiable function of tensors. */
export type Fn = (...inputs: Tensor[]) => Tensor;

/** Normal numbers of a shape, the `draw`-th of such. */
export const randn = (shape: readonly number[], draw: number, scale = 1): Tensor =>
  tidy(() => mul(tensor(Float32Array.from(createNoise(7).hostNormal([1, ...shape], { stream: 1024, step: draw })), [...shape]), scale));

const dot = (a: readonly Tensor[], b: readonly Tensor[]): Tensor =>
  tidy(() => a.map((t, i) => sum(mul(t, b[i]!))).reduce((p, q) => add(p, q)));

/** Σ a·b in float64 on the host. */
const hostDot = async (a: readonly Tensor[], b: readonly Tensor[]): Promise<number> => {
  let total = 0;
  for (const [i, t] of a.entries()) {
    const [x, y] = [await t.data(), await b[i]!.data()];
    for (let j = 0; j < x.length; j++) total += x[j]! * y[j]!;
  }
  return total;
};

/** d/dh f(h) at 0 by the five-point rule. */
const slope = async (f: (h: number) => Promise<number>, h: number): Promise<number> =>
  (8 * ((await f(h)) - (await f(-h))) - ((await f(2 * h)) - (await f(-2 * h)))) / (12 * h);

export interface Check {
  readonly analytic: number;
  readonly numeric: number;
  /** Tensors that the derivatives left behind: 0. */
  readonly leaked: number;
}

/**
 * A derivative by automatic differentiation and by finite differences: of ⟨c, f(x)⟩ along v (order 1), or of ⟨∇⟨c, f⟩(x), v⟩ along u (order 2).
 * `inner` and `outer` say which inputs are moved by v and by u; default all.
 */
export const checkDerivative = async (
  order: 1 | 2,
  f: Fn,
  inputs: readonly Tensor[],
  {
    inner = inputs.map((_, i) => i),
    outer = inputs.map((_, i) => i),
    h = 0.02,
  }: { inner?: readonly number[]; outer?: readonly number[]; h?: number } = {},
): Promise<Check> => {
  const shape = tidy(() => f(...inputs).shape);
  const c = randn(shape, 100);
  const v = inner.map((i) => randn(inputs[i]!.shape, 1000 + i));
  const u = outer.map((i) => randn(inputs[i]!.shape, 2000 + i));
  const moved = (which: readonly number[], direction: readonly Tensor[], by: number): Tensor[] =>
    inputs.map((x, i) => (which.includes(i) ? add(x, mul(direction[which.indexOf(i)]!, by)) : x));
  const replaced = (all: readonly Tensor[], which: readonly number[], x: readonly Tensor[]): Tensor[] =>
    all.map((t, i) => (which.includes(i) ? x[which.indexOf(i)]! : t));
  const gradient = (at: readonly Tensor[]): Tensor[] =>
    grads((...x: Tensor[]) => f(...replaced(at, inner, x)))(
      inner.map((i) => at[i]!),
      c,
    );
  const curvature = (): Tensor[] => grads((...x: Tensor[]) => dot(gradient(replaced(inputs, outer, x)), v))(outer.map((i) => inputs[i]!));
  const scoped = async (run: () => Tensor[], against: readonly Tensor[]): Promise<number> => {
    const result = tidy(run);
    const value = await hostDot(result, against);
    for (const t of result) t.dispose();
    return value;
  };
  const before = memory().numTensors;
  const analytic = await (order === 1 ? scoped(() => gradient(inputs), v) : scoped(curvature, u));
  const leaked = memory().numTensors - before;
  const numeric = await slope(
    (by) => (order === 1 ? scoped(() => [f(...moved(inner, v, by))], [c]) : scoped(() => gradient(moved(outer, u, by)), v)),
    h,
  );
  for (const t of [c, ...v, ...u]) t.dispose();
  return { analytic, numeric, leaked };
};
