import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Formula, FormulaOp } from '../contracts/formula.ts';

const operation =
  (op: FormulaOp) =>
  (...args: readonly Formula[]): Formula =>
    Object.freeze({ op, args: Object.freeze(args) });

/** The number that a {@link Formula} is a function of. */
export const LEVEL: Formula = operation('level')();

/** Formulas of formulas: `mul(4, LEVEL)`, `join(sin(LEVEL), cos(LEVEL))`. A number stands for itself, an array for one number a column. */
export const formula = Object.freeze({
  add: operation('add'),
  sub: operation('sub'),
  mul: operation('mul'),
  div: operation('div'),
  hypot: operation('hypot'),
  sqrt: operation('sqrt'),
  exp: operation('exp'),
  log: operation('log'),
  sin: operation('sin'),
  cos: operation('cos'),
  join: operation('join'),
});

/** α = 1/√(1 + ρ²) of every schedule with α² + σ² = 1. */
export const VP_ALPHA: Formula = formula.div(1, formula.hypot(1, LEVEL));

const HOST: Readonly<Record<Exclude<FormulaOp, 'level' | 'join'>, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  hypot: Math.hypot,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
};

/** The columns of a formula at `c`, in float64. One number broadcasts over columns. */
export const evaluateFormula = (f: Formula, c: number): readonly number[] => {
  if (typeof f === 'number') return [f];
  if (!('op' in f)) return f;
  if (f.op === 'level') return [c];
  const args = f.args.map((arg) => evaluateFormula(arg, c));
  if (f.op === 'join') return args.flat();
  const a = args[0]!;
  const b = args[1] ?? a;
  const at = HOST[f.op];
  const out = new Array<number>(Math.max(a.length, b.length));
  for (let i = 0; i < out.length; i++) out[i] = at(a.length === 1 ? a[0]! : a[i]!, b.length === 1 ? b[0]! : b[i]!);
  return out;
};

/** What {@link levelRows} made a tensor of. */
export interface LevelOrigin {
  readonly formula: Formula;
  readonly levels: Float64Array;
}

const origins = new WeakMap<Tensor, LevelOrigin>();

/**
 * [B, …shape] float32: row i is the columns of `f` at levels[i], computed in float64.
 *
 * The way for a network to make tensors of its `cNoise`: what is made so can be exported as a graph whose level is an input. Pass the
 * very `cNoise` that the network was given. The result is the caller's.
 */
export const levelRows = (levels: Float64Array, f: Formula, shape: readonly number[]): Tensor => {
  const columns = shape.reduce((product, extent) => product * extent, 1);
  const values = new Float32Array(levels.length * columns);
  levels.forEach((level, row) => {
    const numbers = evaluateFormula(f, level);
    if (numbers.length !== columns)
      throw tweedieError({
        subject: 'formula',
        problem: 'the columns do not fill a row',
        got: numbers.length,
        expected: `${columns} of them, for [${shape.join(', ')}]`,
      });
    values.set(numbers, row * columns);
  });
  const made = tensor(values, [levels.length, ...shape]);
  origins.set(made, { formula: f, levels });
  return made;
};

/** The formula that a tensor was made of, if {@link levelRows} made it. */
export const levelOrigin = (made: Tensor): LevelOrigin | undefined => origins.get(made);
