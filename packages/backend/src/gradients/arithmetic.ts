/** Gradients of functions of two variables, with broadcasting, each in a form that can be differentiated again. */
import {
  Add,
  AddN,
  Atan2,
  Equal,
  FloorDiv,
  Greater,
  GreaterEqual,
  Less,
  LessEqual,
  LogicalAnd,
  LogicalOr,
  LogicalXor,
  Maximum,
  Minimum,
  Mod,
  Multiply,
  NotEqual,
  Pow,
  Prelu,
  RealDiv,
  Select,
  SquaredDifference,
  Sub,
  add,
  cast,
  clone,
  div,
  floor,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  logicalNot,
  mul,
  neg,
  onesLike,
  pow,
  square,
  step,
  sub,
  where,
  zeros,
  zerosLike,
  type GradConfig,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { gradient, isDifferentiatedAgain, sumTo } from './gradient.ts';

/** One binary kernel: the cotangents of a and b before broadcasting is undone. */
const binary = (
  kernelName: string,
  ofA: (dy: Tensor, a: Tensor, b: Tensor) => Tensor,
  ofB: (dy: Tensor, a: Tensor, b: Tensor) => Tensor,
): GradConfig =>
  gradient(kernelName, ['a', 'b'], (dy, { a, b }) => ({
    a: () => sumTo(ofA(dy, a, b), a.shape),
    b: () => sumTo(ofB(dy, a, b), b.shape),
  }));

/** Piecewise constant: both gradients are zero. */
const flat = (kernelName: string): GradConfig =>
  gradient(kernelName, ['a', 'b'], (_, { a, b }) => ({ a: () => zeros(a.shape), b: () => zeros(b.shape) }));

const masked = (dy: Tensor, mask: Tensor): Tensor => mul(dy, cast(mask, 'float32'));

/** ln a where a > 0, else 0: the slope of aᵇ in b is taken as zero where it is not real. */
const logOfPositive = (a: Tensor): Tensor => mul(step(a), log(where(greater(a, 0), a, onesLike(a))));

export const arithmetic: readonly GradConfig[] = [
  binary(
    Add,
    (dy) => dy,
    (dy) => dy,
  ),
  binary(Sub, (dy) => dy, neg),
  binary(
    Multiply,
    (dy, _, b) => mul(dy, cast(b, 'float32')),
    (dy, a) => mul(dy, cast(a, 'float32')),
  ),
  binary(
    RealDiv,
    (dy, _, b) => div(dy, cast(b, 'float32')),
    (dy, a, b) => neg(div(mul(dy, cast(a, 'float32')), square(cast(b, 'float32')))),
  ),
  binary(
    SquaredDifference,
    (dy, a, b) => mul(dy, mul(2, sub(a, b))),
    (dy, a, b) => mul(dy, mul(2, sub(b, a))),
  ),
  binary(
    Maximum,
    (dy, a, b) => masked(dy, greaterEqual(a, b)),
    (dy, a, b) => masked(dy, less(a, b)),
  ),
  binary(
    Minimum,
    (dy, a, b) => masked(dy, lessEqual(a, b)),
    (dy, a, b) => masked(dy, greater(a, b)),
  ),
  binary(
    Mod,
    (dy) => dy,
    (dy, a, b) => neg(mul(dy, floor(div(a, b)))),
  ),
  binary(
    Atan2,
    (dy, a, b) => mul(dy, div(b, add(square(a), square(b)))),
    (dy, a, b) => neg(mul(dy, div(a, add(square(a), square(b))))),
  ),
  gradient(Pow, ['a', 'b', 'y'], (dy, { a, b, y }) => ({
    a: () => sumTo(mul(dy, mul(cast(b, 'float32'), pow(a, sub(b, 1)))), a.shape),
    b: () => sumTo(mul(dy, mul(isDifferentiatedAgain() ? pow(a, b) : y, logOfPositive(a))), b.shape),
  })),
  gradient(Prelu, ['x', 'alpha'], (dy, { x, alpha }) => ({
    x: () => where(greater(x, 0), dy, mul(dy, alpha)),
    alpha: () => sumTo(mul(dy, minimumWithZero(x)), alpha.shape),
  })),
  gradient(Select, ['condition'], (dy, { condition }) => ({
    condition: () => zeros(condition.shape),
    t: () => where(condition, dy, zerosLike(dy)),
    e: () => where(logicalNot(condition), dy, zerosLike(dy)),
  })),
  {
    kernelName: AddN,
    saveAllInputs: true,
    gradFunc: (dy, saved) => Object.fromEntries(saved.map((_, i) => [String(i), () => clone(dy as Tensor)])),
  },
  ...[Equal, FloorDiv, Greater, GreaterEqual, Less, LessEqual, LogicalAnd, LogicalOr, LogicalXor, NotEqual].map(flat),
];

function minimumWithZero(x: Tensor): Tensor {
  return mul(x, step(neg(x)));
}
