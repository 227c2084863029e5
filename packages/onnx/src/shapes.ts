import type { Graph } from './graph.ts';
import { refused, type Bound, type Kernel } from './kernel.ts';
import { axisFirst, first, last, TO_FIRST, type Value } from './values.ts';

const numbers = (value: unknown): readonly number[] => (Array.isArray(value) ? (value as number[]) : [value as number]);
const only = ({ inputs }: Bound): Value => Object.values(inputs)[0]!;
const isFirst = (value: Value): boolean => value.shape.length === 4 && value.last === undefined && value.first !== undefined;

/** A kernel whose axes are named: in the order in which the value is there. `axis` turns an axis into that order. */
const alongAxes =
  (write: (graph: Graph, name: string, call: Bound, axis: (i: number) => number, shape: readonly number[]) => readonly string[]): Kernel =>
  (graph, call) => {
    const value = only(call);
    const turned = isFirst(value);
    const shape = turned ? TO_FIRST.map((i) => value.shape[i]!) : value.shape;
    const names = write(graph, turned ? value.first! : last(graph, value), call, turned ? axisFirst : (i) => i, shape);
    return call.outputs.map((output, i) => ({ ...output, [turned ? 'first' : 'last']: names[i]! }));
  };

const reshape: Kernel = (graph, call) => {
  const [output] = call.outputs as [Bound['outputs'][number]];
  const value = only(call);
  if (output.shape.filter((extent) => extent === -1).length > 1)
    throw refused(call.kernel, 'two extents grow with the batch', output.shape);
  if (value.constant !== undefined) return [{ ...output, constant: value.constant, label: value.label }];
  return [{ ...output, last: graph.node('Reshape', [last(graph, value), graph.whole(...output.shape)]) }];
};

/** Reductions: `operator` takes its axes as an input, as ReduceSum and since operator set 18 all do. */
const reduce =
  (operator: string, key = 'axis'): Kernel =>
  (graph, call) => {
    const value = only(call);
    const rank = value.shape.length;
    const axes = numbers(call.attributes[key]).map((axis) => (axis + rank) % rank);
    const keepDims = call.attributes['keepDims'] === true;
    // Without both of height and width the order of what is left is another one.
    const turned = isFirst(value) && (keepDims || (axes.includes(1) && axes.includes(2)) || axes.join() === '3');
    const name = turned ? value.first! : last(graph, value);
    const at = turned ? axes.map(axisFirst) : axes;
    const made = graph.node(operator, [name, graph.whole(...at)], { keepdims: keepDims ? 1 : 0 });
    return [{ ...call.outputs[0]!, [turned && keepDims ? 'first' : 'last']: made }];
  };

const concat: Kernel = (graph, call) => {
  const values = Object.values(call.inputs);
  const axis = call.attributes['axis'] as number;
  const turned = values.some(isFirst);
  const names = values.map((value) => (turned ? first(graph, value) : last(graph, value)));
  return [{ ...call.outputs[0]!, [turned ? 'first' : 'last']: graph.node('Concat', names, { axis: turned ? axisFirst(axis) : axis }) }];
};

/** The values of a list along the axes of TensorFlow.js, in the order in which the value is there. */
const inOrder = (list: readonly number[], axis: (i: number) => number): readonly number[] => {
  const out = new Array<number>(list.length);
  list.forEach((each, i) => (out[axis(i)] = each));
  return out;
};

/** As far as it goes: ONNX clamps the end of a slice. */
const END = 2 ** 31 - 1;

export const SHAPES: Readonly<Record<string, Kernel>> = {
  Reshape: reshape,
  ExpandDims: reshape,
  Mean: reduce('ReduceMean'),
  Sum: reduce('ReduceSum'),
  Prod: reduce('ReduceProd'),
  Min: reduce('ReduceMin'),
  Max: reduce('ReduceMax', 'reductionIndices'),
  Concat: concat,
  Transpose: (graph, call) => [
    { ...call.outputs[0]!, last: graph.node('Transpose', [last(graph, only(call))], { perm: call.attributes['perm'] as number[] }) },
  ],
  Softmax: (graph, call) => [
    { ...call.outputs[0]!, last: graph.node('Softmax', [last(graph, only(call))], { axis: call.attributes['dim'] as number }) },
  ],
  SplitV: alongAxes((graph, name, call, axis) => {
    const along = call.attributes['axis'] as number;
    const sizes = call.outputs.map(({ shape }) => shape[along]!);
    if (sizes.includes(-1)) throw refused(call.kernel, 'it splits along the batch');
    return graph.nodes('Split', [name, graph.whole(...sizes)], { axis: axis(along) }, sizes.length);
  }),
  Slice: alongAxes((graph, name, call, axis, shape) => {
    const begin = inOrder(numbers(call.attributes['begin']), axis);
    const size = inOrder(call.outputs[0]!.shape, axis);
    const axes = begin.map((_, i) => i).filter((i) => begin[i] !== 0 || size[i] !== shape[i]);
    if (axes.length === 0) return [name];
    const ends = axes.map((i) => (size[i] === -1 ? END : begin[i]! + size[i]!));
    return [graph.node('Slice', [name, graph.whole(...axes.map((i) => begin[i]!)), graph.whole(...ends), graph.whole(...axes)])];
  }),
  Tile: alongAxes((graph, name, call, axis) => [
    graph.node('Tile', [name, graph.whole(...inOrder(numbers(call.attributes['reps']), axis))]),
  ]),
  PadV2: alongAxes((graph, name, call, axis) => {
    const paddings = call.attributes['paddings'] as readonly (readonly [number, number])[];
    const before = inOrder(
      paddings.map(([start]) => start),
      axis,
    );
    const after = inOrder(
      paddings.map(([, end]) => end),
      axis,
    );
    const filling = graph.constant(Float32Array.of(Number(call.attributes['constantValue'] ?? 0)), []);
    return [graph.node('Pad', [name, graph.whole(...before, ...after), filling])];
  }),
};
