import type { Formula, FormulaOp } from '@tweedie/core';
import type { Graph } from './graph.ts';

const OPERATORS: Readonly<Record<Exclude<FormulaOp, 'level' | 'join' | 'hypot'>, string>> = {
  add: 'Add',
  sub: 'Sub',
  mul: 'Mul',
  div: 'Div',
  sqrt: 'Sqrt',
  exp: 'Exp',
  log: 'Log',
  sin: 'Sin',
  cos: 'Cos',
};

/** The columns of a formula in float64, [B, columns], of levels [B, 1] in float64; [1, columns] where it does not ask for the level. */
export const formulaNodes = (graph: Graph, f: Formula, level: string): string => {
  if (typeof f === 'number') return graph.constant(Float64Array.of(f), [1, 1]);
  if (!('op' in f)) return graph.constant(Float64Array.from(f), [1, f.length]);
  const of = (arg: Formula): string => formulaNodes(graph, arg, level);
  switch (f.op) {
    case 'level':
      return level;
    case 'join':
      return graph.node(
        'Concat',
        f.args.map((arg) => (asksForLevel(arg) ? of(arg) : graph.node('Add', [of(arg), zero(graph, level)]))),
        { axis: 1 },
      );
    case 'hypot': {
      const [a, b] = f.args.map((arg) => graph.node('Mul', [of(arg), of(arg)]));
      return graph.node('Sqrt', [graph.node('Add', [a!, b!])]);
    }
    default:
      return graph.node(OPERATORS[f.op], f.args.map(of));
  }
};

/** Whether a formula is more than constants. */
export const asksForLevel = (f: Formula): boolean => typeof f === 'object' && 'op' in f && (f.op === 'level' || f.args.some(asksForLevel));

const zero = (graph: Graph, level: string): string => graph.node('Mul', [level, graph.constant(Float64Array.of(0), [1, 1])]);
