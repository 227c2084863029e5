import { levelOrigin, tweedieError } from '@tweedie/core';
import { ELEMENTWISE } from './elementwise.ts';
import { asksForLevel, formulaNodes } from './formula-nodes.ts';
import { FLOAT } from './schema.ts';
import type { Graph } from './graph.ts';
import { refused, type Bound } from './kernel.ts';
import { PRODUCTS } from './products.ts';
import { SHAPES } from './shapes.ts';
import type { Trace, Traced } from './trace.ts';
import type { Value } from './values.ts';

const KERNELS = { ...ELEMENTWISE, ...SHAPES, ...PRODUCTS };

/** One recording of a function, and what its tensors are called. */
export interface Recording {
  readonly trace: Trace;
  /** What the function was given, in the order of the graph's inputs. */
  readonly inputs: readonly number[];
  /** The levels that tensors may be formulas of. */
  readonly levels?: Float64Array;
  /** Names of weights by tensor id. */
  readonly labels?: ReadonlyMap<number, string>;
}

/**
 * Writes a function that was recorded twice, at other batch sizes, levels and inputs. What differs between the recordings is the batch; a
 * tensor of the host that differs must be a formula of the level. `inputs` are the function's arguments in the graph, `level` is [B, 1] in
 * float64. Returns the results.
 */
export const convert = (
  graph: Graph,
  [a, b]: readonly [Recording, Recording],
  inputs: readonly Value[],
  level?: string,
): readonly Value[] => {
  const values = new Map<number, Value>(a.inputs.map((id, i) => [id, inputs[i]!]));
  const other = new Map<number, number>(a.inputs.map((id, i) => [id, b.inputs[i]!]));
  if (a.trace.calls.length !== b.trace.calls.length || a.trace.calls.some(({ kernel }, i) => kernel !== b.trace.calls[i]!.kernel))
    throw refused('graph', 'what is computed depends on the size of the batch or on the numbers in it');

  const source = (traced: Traced, twin: Traced): Value => {
    const found = values.get(traced.id);
    if (found !== undefined) {
      if (other.get(traced.id) !== twin.id) throw refused('graph', 'its order depends on the batch');
      return found;
    }
    const value = sourceValue(graph, [a, b], [traced, twin], level);
    values.set(traced.id, value);
    other.set(traced.id, twin.id);
    return value;
  };

  a.trace.calls.forEach((call, i) => {
    const twin = b.trace.calls[i]!;
    const write = KERNELS[call.kernel];
    if (write === undefined) throw refused(call.kernel, 'ONNX has nothing that we know for it');
    const bound: Bound = {
      kernel: call.kernel,
      inputs: Object.fromEntries(Object.entries(call.inputs).map(([name, traced]) => [name, source(traced, twin.inputs[name]!)])),
      attributes: sameAttributes(call.kernel, call.attributes, twin.attributes),
      outputs: call.outputs.map(({ shape, dtype }, at) => ({ shape: merged(shape, twin.outputs[at]!.shape), dtype })),
    };
    write(graph, bound).forEach((value, at) => {
      values.set(call.outputs[at]!.id, value);
      other.set(call.outputs[at]!.id, twin.outputs[at]!.id);
    });
  });
  return a.trace.results.map((result, i) => source(result, b.trace.results[i]!));
};

/** A weight, a constant of the host, or a tensor made of the level. */
const sourceValue = (
  graph: Graph,
  [a, b]: readonly [Recording, Recording],
  [traced, twin]: readonly [Traced, Traced],
  level?: string,
): Value => {
  const [mine, theirs] = [a.trace.sources.get(traced.id)!, b.trace.sources.get(twin.id)!];
  const { shape, dtype } = traced;
  const origin = levelOrigin(mine.tensor);
  if (origin !== undefined && origin.levels === a.levels && level !== undefined && asksForLevel(origin.formula)) {
    const columns = graph.node('Cast', [formulaNodes(graph, origin.formula, level)], { to: FLOAT });
    const rows = [-1, ...shape.slice(1)];
    return { shape: rows, dtype, last: rows.length === 2 ? columns : graph.node('Reshape', [columns, graph.whole(...rows)]) };
  }
  const same = shape.join() === twin.shape.join() && equal(mine.values, theirs.values);
  if (same) return { shape, dtype, constant: mine.values, label: a.labels?.get(traced.id) };
  throw tweedieError({
    subject: 'onnx',
    problem: 'a tensor is made on the host of the noise level or the batch, and not by a formula',
    got: `shape [${shape.join(', ')}]`,
    remedy: 'make it with `levelRows` of @tweedie/core, of the very `cNoise` that the network is given',
    code: 'ONNX_UNSUPPORTED',
  });
};

const equal = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
};

/** −1 where two recordings differ. */
const merged = (a: readonly number[], b: readonly number[]): readonly number[] => a.map((extent, i) => (extent === b[i] ? extent : -1));

/** Attributes that say what the shape of the output says anyway. */
const FOLLOW_SHAPE = ['shape', 'size', 'inputShape'];

const sameAttributes = (kernel: string, a: Bound['attributes'], b: Bound['attributes']): Bound['attributes'] => {
  for (const key of Object.keys(a))
    if (!FOLLOW_SHAPE.includes(key) && JSON.stringify(a[key]) !== JSON.stringify(b[key]))
      throw refused(kernel, `its ${key} depends on the batch`, b[key]);
  return a;
};
