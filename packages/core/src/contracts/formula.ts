/** Operations of a {@link Formula}; `hypot` is √(a² + b²), `join` puts columns side by side, `level` is the argument. */
export type FormulaOp = 'level' | 'add' | 'sub' | 'mul' | 'div' | 'hypot' | 'sqrt' | 'exp' | 'log' | 'sin' | 'cos' | 'join';

/**
 * A function of one number, such as a noise level, as data: the host computes it in float64, and an exported graph carries it out
 * again. A number stands for itself, an array for one number a column; one column broadcasts over many.
 */
export type Formula = number | readonly number[] | { readonly op: FormulaOp; readonly args: readonly Formula[] };
