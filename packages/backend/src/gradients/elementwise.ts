/** Gradients of functions of one variable, `dx = dy · f′(x)`, each in a form that can be differentiated again. */
import {
  Abs,
  Acos,
  Acosh,
  Asin,
  Asinh,
  Atan,
  Atanh,
  Cast,
  Ceil,
  ClipByValue,
  Cos,
  Cosh,
  Elu,
  Erf,
  Exp,
  Expm1,
  Floor,
  Identity,
  IsFinite,
  IsInf,
  IsNan,
  LeakyRelu,
  Log,
  Log1p,
  LogicalNot,
  Neg,
  OnesLike,
  Reciprocal,
  Relu,
  Relu6,
  Round,
  Rsqrt,
  Selu,
  Sigmoid,
  Sign,
  Sin,
  Sinh,
  Softplus,
  Sqrt,
  Square,
  Step,
  Tan,
  Tanh,
  ZerosLike,
  add,
  cast,
  cos,
  cosh,
  div,
  exp,
  greaterEqual,
  lessEqual,
  logicalAnd,
  minimum,
  mul,
  neg,
  reciprocal,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  step,
  sub,
  tanh,
  where,
  zeros,
  zerosLike,
  type GradConfig,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { gradient, isDifferentiatedAgain } from './gradient.ts';

/** `f′` as a function of x. */
const ofInput = (kernelName: string, slope: (x: Tensor) => Tensor): GradConfig =>
  gradient(kernelName, ['x'], (dy, { x }) => ({ x: () => mul(dy, slope(x)) }));

/** `f′` as a function of y = f(x): the saved output serves a last derivative; where another follows, `f` is computed again from x. */
const ofOutput = (kernelName: string, f: (x: Tensor) => Tensor, slope: (y: Tensor) => Tensor): GradConfig =>
  gradient(kernelName, ['x', 'y'], (dy, { x, y }) => ({ x: () => mul(dy, slope(isDifferentiatedAgain() ? f(x) : y)) }));

/** Piecewise constant: the gradient is zero. */
const flat = (kernelName: string): GradConfig => gradient(kernelName, ['x'], (_, { x }) => ({ x: () => zeros(x.shape) }));

/** λ and α of self-normalising networks (Klambauer et al. 2017, §2), as the kernels have them. */
const SELU = { lambda: 1.0507009873554805, alpha: 1.6732632423543772 };

/** eˣ for x ≤ 0 and 1 beyond: the slope of ELU, without overflow. */
const expOfNegative = (x: Tensor): Tensor => exp(minimum(x, 0));

export const elementwise: readonly GradConfig[] = [
  ofInput(Abs, sign),
  ofInput(Acos, (x) => neg(rsqrt(sub(1, square(x))))),
  ofInput(Acosh, (x) => rsqrt(sub(square(x), 1))),
  ofInput(Asin, (x) => rsqrt(sub(1, square(x)))),
  ofInput(Asinh, (x) => rsqrt(add(1, square(x)))),
  ofInput(Atan, (x) => reciprocal(add(1, square(x)))),
  ofInput(Atanh, (x) => reciprocal(sub(1, square(x)))),
  ofInput(Cos, (x) => neg(sin(x))),
  ofInput(Cosh, sinh),
  ofInput(Erf, (x) => mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
  ofOutput(Exp, exp, (y) => y),
  ofInput(Expm1, exp),
  ofInput(Log, reciprocal),
  ofInput(Log1p, (x) => reciprocal(add(1, x))),
  ofOutput(Reciprocal, reciprocal, (y) => neg(square(y))),
  ofOutput(Rsqrt, rsqrt, (y) => mul(mul(square(y), y), -0.5)),
  ofOutput(Sigmoid, sigmoid, (y) => mul(y, sub(1, y))),
  ofInput(Sin, cos),
  ofInput(Sinh, cosh),
  ofInput(Softplus, sigmoid),
  ofOutput(Sqrt, sqrt, (y) => div(0.5, y)),
  ofInput(Square, (x) => mul(x, 2)),
  ofInput(Tan, (x) => reciprocal(square(cos(x)))),
  ofOutput(Tanh, tanh, (y) => sub(1, square(y))),

  ofInput(Relu, (x) => step(x)),
  ofInput(Relu6, (x) => mul(step(x), step(sub(6, x)))),
  ofInput(Elu, expOfNegative),
  ofInput(Selu, (x) => mul(SELU.lambda, where(lessEqual(x, 0), mul(SELU.alpha, expOfNegative(x)), 1))),
  gradient(LeakyRelu, ['x'], (dy, { x }, { alpha }: { alpha: number }) => ({ x: () => mul(dy, step(x, alpha)) })),
  gradient(ClipByValue, ['x'], (dy, { x }, { clipValueMin, clipValueMax }: { clipValueMin: number; clipValueMax: number }) => ({
    x: () => where(logicalAnd(greaterEqual(x, clipValueMin), lessEqual(x, clipValueMax)), dy, zerosLike(dy)),
  })),

  gradient(Neg, [], (dy) => ({ x: () => neg(dy) })),
  gradient(Identity, [], (dy) => ({ x: () => cast(dy, 'float32') })),
  gradient(Cast, [], (dy) => ({ x: () => cast(dy, 'float32') })),
  ...[Ceil, Floor, IsFinite, IsInf, IsNan, LogicalNot, OnesLike, Round, Sign, Step, ZerosLike].map(flat),
];
