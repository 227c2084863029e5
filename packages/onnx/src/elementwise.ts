import type { Attribute, Graph } from './graph.ts';
import type { Bound, Kernel } from './kernel.ts';
import { BOOL, DOUBLE, FLOAT, INT32 } from './schema.ts';
import { first, last, type Value } from './values.ts';

/** What has only channels first stays so; all else is computed as TensorFlow.js would. */
const inFirst = (inputs: readonly Value[], rank: number): boolean =>
  rank === 4 && inputs.some((value) => value.last === undefined && value.first !== undefined && value.constant === undefined);

/** An operation of each number for itself, with numpy's broadcasting. */
export const elementwise =
  (compute: (graph: Graph, names: readonly string[], call: Bound) => string): Kernel =>
  (graph, call) => {
    const inputs = Object.values(call.inputs);
    const [output] = call.outputs;
    const order = inFirst(inputs, output!.shape.length) ? 'first' : 'last';
    const named = inputs.map((value) => (order === 'first' ? first(graph, value) : last(graph, value)));
    return [{ ...output!, [order]: compute(graph, named, call) }];
  };

const plain = (op: string, attributes?: Readonly<Record<string, Attribute>>): Kernel =>
  elementwise((graph, names) => graph.node(op, names, attributes));
const number = (graph: Graph, value: number): string => graph.constant(Float32Array.of(value), []);
const cast = (to: number): Kernel => plain('Cast', { to });
/** Of large angles float32 leaves little: sin and cos reduce them in float64. */
const periodic = (op: string): Kernel =>
  elementwise((graph, names) => graph.node('Cast', [graph.node(op, [graph.node('Cast', names, { to: DOUBLE })])], { to: FLOAT }));

const TYPES: Readonly<Record<string, number>> = { float32: FLOAT, int32: INT32, bool: BOOL };

/** An activation as fused kernels name it. */
export const activated = (graph: Graph, name: string, { activation, leakyreluAlpha }: Bound['attributes']): string | undefined => {
  switch (activation ?? 'linear') {
    case 'linear':
      return name;
    case 'relu':
    case 'sigmoid':
    case 'elu':
      return graph.node({ relu: 'Relu', sigmoid: 'Sigmoid', elu: 'Elu' }[activation as 'relu'], [name]);
    case 'relu6':
      return graph.node('Clip', [name, number(graph, 0), number(graph, 6)]);
    case 'leakyrelu':
      return graph.node('LeakyRelu', [name], { alpha: { float: Number(leakyreluAlpha) } });
    default:
      return undefined;
  }
};

export const ELEMENTWISE: Readonly<Record<string, Kernel>> = {
  Add: plain('Add'),
  Sub: plain('Sub'),
  Multiply: plain('Mul'),
  RealDiv: plain('Div'),
  Maximum: plain('Max'),
  Minimum: plain('Min'),
  Pow: plain('Pow'),
  Prelu: plain('PRelu'),
  SquaredDifference: elementwise((graph, names) => {
    const difference = graph.node('Sub', names);
    return graph.node('Mul', [difference, difference]);
  }),
  Abs: plain('Abs'),
  Ceil: plain('Ceil'),
  Cos: periodic('Cos'),
  Elu: plain('Elu'),
  Erf: plain('Erf'),
  Exp: plain('Exp'),
  Floor: plain('Floor'),
  Identity: (_graph, { inputs }) => Object.values(inputs),
  Log: plain('Log'),
  Neg: plain('Neg'),
  Reciprocal: plain('Reciprocal'),
  Relu: plain('Relu'),
  Round: plain('Round'),
  Sigmoid: plain('Sigmoid'),
  Sin: periodic('Sin'),
  Softplus: plain('Softplus'),
  Sqrt: plain('Sqrt'),
  Tanh: plain('Tanh'),
  Rsqrt: elementwise((graph, names) => graph.node('Reciprocal', [graph.node('Sqrt', names)])),
  Square: elementwise((graph, [x]) => graph.node('Mul', [x!, x!])),
  Relu6: elementwise((graph, [x]) => graph.node('Clip', [x!, number(graph, 0), number(graph, 6)])),
  LeakyRelu: elementwise((graph, names, { attributes }) =>
    graph.node('LeakyRelu', names, { alpha: { float: Number(attributes['alpha']) } }),
  ),
  ClipByValue: elementwise((graph, [x], { attributes }) =>
    graph.node('Clip', [x!, number(graph, Number(attributes['clipValueMin'])), number(graph, Number(attributes['clipValueMax']))]),
  ),
  Cast: (graph, call) => {
    const [value] = Object.values(call.inputs);
    const to = String(call.attributes['dtype']);
    return value!.dtype === to ? [value!] : cast(TYPES[to]!)(graph, call);
  },
};
