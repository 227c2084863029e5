import { PRODUCER } from './producer.ts';
import { ATTRIBUTE, DOUBLE, encodeModel, FLOAT, INT64, IR_VERSION, OPSET } from './schema.ts';
import type { AttributeProto, NodeProto, TensorProto, ValueInfoProto } from './schema.ts';

/** What an attribute of a node may be: a whole number, { float }, a text, or whole numbers. */
export type Attribute = number | { readonly float: number } | string | readonly number[];
export type Numbers = Float32Array | Float64Array | BigInt64Array;

/** A graph that is being written. Equal nodes and equal constants are written once. */
export interface Graph {
  /** An input of the model; a text in the shape is a dimension that is free. */
  input(name: string, type: number, shape: readonly (number | string)[]): string;
  constant(values: Numbers, shape: readonly number[], name?: string): string;
  /** Whole numbers as operators take them: a shape, axes. */
  whole(...values: readonly number[]): string;
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string;
  nodes(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>>, outputs: number): readonly string[];
  output(name: string, from: string, type: number, shape: readonly (number | string)[]): void;
  finish(name: string, metadata: Readonly<Record<string, string>>): Uint8Array;
}

/** `results` are the names that outputs will have: nothing else gets them. */
export const createGraph = (results: readonly string[]): Graph => {
  const [inputs, outputs]: [ValueInfoProto[], ValueInfoProto[]] = [[], []];
  const initializer: TensorProto[] = [];
  const node: NodeProto[] = [];
  const written = new Map<string, readonly string[]>();
  const counts = new Map<string, number>();
  const taken = new Set(results);
  const take = (name: string): string => {
    taken.add(name);
    return name;
  };
  const fresh = (stem: string): string => {
    const count = (counts.get(stem) ?? 0) + 1;
    counts.set(stem, count);
    const name = `${stem}_${count}`;
    return taken.has(name) ? fresh(stem) : take(name);
  };

  const nodes: Graph['nodes'] = (op, from, attributes, count) => {
    const key = JSON.stringify([op, from, attributes, count]);
    const before = written.get(key);
    if (before !== undefined) return before;
    const name = fresh(op);
    const output = count === 1 ? [name] : Array.from({ length: count }, () => fresh(name));
    node.push({ name, opType: op, input: from, output, attribute: Object.entries(attributes).map(attributeOf) });
    written.set(key, output);
    return output;
  };

  const constant: Graph['constant'] = (values, dims, name) => {
    const dataType = values instanceof Float32Array ? FLOAT : values instanceof Float64Array ? DOUBLE : INT64;
    const rawData = littleEndian(values);
    const equal = initializer.find(
      (other) => other.dataType === dataType && sameNumbers(other.dims, dims) && sameNumbers(other.rawData, rawData),
    );
    if (equal !== undefined) return equal.name;
    const made = name === undefined || taken.has(name) ? fresh(name ?? 'constant') : take(name);
    initializer.push({ name: made, dims, dataType, rawData });
    return made;
  };

  return Object.freeze<Graph>({
    input: (name, type, shape) => {
      inputs.push(info(take(name), type, shape));
      return name;
    },
    constant,
    whole: (...values) => constant(BigInt64Array.from(values, BigInt), [values.length]),
    nodes,
    node: (op, from, attributes = {}) => nodes(op, from, attributes, 1)[0]!,
    output: (name, from, type, shape) => {
      node.push({ name: `${name}_out`, opType: 'Identity', input: [from], output: [name], attribute: [] });
      outputs.push(info(name, type, shape));
    },
    finish: (name, metadata) =>
      encodeModel({
        irVersion: IR_VERSION,
        producerName: PRODUCER.name,
        producerVersion: PRODUCER.version,
        opsetImport: [{ domain: '', version: OPSET }],
        metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
        graph: { name, node, initializer, input: inputs, output: outputs },
      }),
  });
};

const info = (name: string, elemType: number, shape: readonly (number | string)[]): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: shape.map((extent) => (typeof extent === 'string' ? { dimParam: extent } : { dimValue: extent })) },
    },
  },
});

const attributeOf = ([name, value]: [string, Attribute]): AttributeProto => {
  if (typeof value === 'number') return { name, type: ATTRIBUTE.INT, i: value };
  if (typeof value === 'string') return { name, type: ATTRIBUTE.STRING, s: new TextEncoder().encode(value) };
  return 'float' in value ? { name, type: ATTRIBUTE.FLOAT, f: value.float } : { name, type: ATTRIBUTE.INTS, ints: value };
};

const sameNumbers = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

const littleEndian = (values: Numbers): Uint8Array => {
  const view = new DataView(new ArrayBuffer(values.byteLength));
  const size = values.BYTES_PER_ELEMENT;
  if (values instanceof Float32Array) values.forEach((x, i) => view.setFloat32(i * size, x, true));
  else if (values instanceof Float64Array) values.forEach((x, i) => view.setFloat64(i * size, x, true));
  else values.forEach((x, i) => view.setBigInt64(i * size, x, true));
  return new Uint8Array(view.buffer);
};
