// ONNX files, as far as we write them: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
import protobuf from 'protobufjs/light.js';
import { tweedieError } from '@tweedie/core';

/** IR version 8 and operator set 18: read by ONNX Runtime from 1.14 on. */
export const IR_VERSION = 8;
export const OPSET = 18;

/** TensorProto.DataType. */
export const FLOAT = 1;
export const INT32 = 6;
export const INT64 = 7;
export const BOOL = 9;
export const DOUBLE = 11;

/** AttributeProto.AttributeType. */
export const ATTRIBUTE = Object.freeze({ FLOAT: 1, INT: 2, STRING: 3, INTS: 7 });

export interface AttributeProto {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly ints?: readonly number[];
}
export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeProto[];
}
export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
}
export interface ValueInfoProto {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: { readonly dim: readonly { readonly dimValue?: number; readonly dimParam?: string }[] };
    };
  };
}
export interface ModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
  readonly graph: {
    readonly name: string;
    readonly node: readonly NodeProto[];
    readonly initializer: readonly TensorProto[];
    readonly input: readonly ValueInfoProto[];
    readonly output: readonly ValueInfoProto[];
  };
}

const message = (fields: Readonly<Record<string, readonly [id: number, type: string]>>) => ({
  fields: Object.fromEntries(
    Object.entries(fields).map(([name, [id, type]]) => [
      name,
      type.startsWith('repeated ') ? { id, type: type.slice(9), rule: 'repeated' } : { id, type },
    ]),
  ),
});

const Model = protobuf.Root.fromJSON({
  nested: {
    ModelProto: message({
      irVersion: [1, 'int64'],
      producerName: [2, 'string'],
      producerVersion: [3, 'string'],
      graph: [7, 'GraphProto'],
      opsetImport: [8, 'repeated OperatorSetIdProto'],
      metadataProps: [14, 'repeated StringStringEntryProto'],
    }),
    OperatorSetIdProto: message({ domain: [1, 'string'], version: [2, 'int64'] }),
    StringStringEntryProto: message({ key: [1, 'string'], value: [2, 'string'] }),
    GraphProto: message({
      node: [1, 'repeated NodeProto'],
      name: [2, 'string'],
      initializer: [5, 'repeated TensorProto'],
      input: [11, 'repeated ValueInfoProto'],
      output: [12, 'repeated ValueInfoProto'],
    }),
    NodeProto: message({
      input: [1, 'repeated string'],
      output: [2, 'repeated string'],
      name: [3, 'string'],
      opType: [4, 'string'],
      attribute: [5, 'repeated AttributeProto'],
    }),
    AttributeProto: message({
      name: [1, 'string'],
      f: [2, 'float'],
      i: [3, 'int64'],
      s: [4, 'bytes'],
      ints: [8, 'repeated int64'],
      type: [20, 'int32'],
    }),
    TensorProto: message({ dims: [1, 'repeated int64'], dataType: [2, 'int32'], name: [8, 'string'], rawData: [9, 'bytes'] }),
    ValueInfoProto: message({ name: [1, 'string'], type: [2, 'TypeProto'] }),
    TypeProto: message({ tensorType: [1, 'TensorTypeProto'] }),
    TensorTypeProto: message({ elemType: [1, 'int32'], shape: [2, 'TensorShapeProto'] }),
    TensorShapeProto: message({ dim: [1, 'repeated DimensionProto'] }),
    DimensionProto: message({ dimValue: [1, 'int64'], dimParam: [2, 'string'] }),
  },
}).lookupType('ModelProto');

/** A protobuf message, and so an ONNX file without external data, ends at 2 GiB. */
const LIMIT = 2 ** 31 - 1;

/** @throws where the weights do not fit into one file. */
export const encodeModel = (model: ModelProto): Uint8Array => {
  const bytes = model.graph.initializer.reduce((sum, { rawData }) => sum + rawData.byteLength, 0);
  if (bytes > LIMIT - 2 ** 20)
    throw tweedieError({
      subject: 'onnx',
      problem: 'the weights do not fit into one ONNX file',
      got: `${(bytes / 1e9).toFixed(2)} GB`,
      expected: 'less than 2 GiB',
    });
  return Model.encode(Model.fromObject(model)).finish();
};

/** Reads what {@link encodeModel} wrote. @throws where the bytes are no ONNX file. */
export const decodeModel = (bytes: Uint8Array): ModelProto => {
  try {
    return Model.toObject(Model.decode(bytes), { longs: Number, arrays: true }) as unknown as ModelProto;
  } catch (cause) {
    throw tweedieError({ subject: 'onnx', problem: 'the bytes are no ONNX file', got: bytes, cause });
  }
};
