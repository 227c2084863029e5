import { decodeTorch, isTweedieError, tweedieError, type LoadedTensor } from '@tweedie/core';
import { convolutionsOf, INCEPTION, INCEPTION_CLASSES, INCEPTION_FEATURES, inceptionShapes } from './inception-graph.ts';

/** SHA-256 of the one file with the weights of that graph, and its length. */
export const FID_WEIGHTS = Object.freeze({ sha256: '6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2', bytes: 95_628_359 });

/** Weights of the network in the engine's layouts. */
export type HostWeights = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;

/** `<convolution>.weight` [h, w, in, out], `<convolution>.bias` [out], `fc.weight` [1008, 2048]. @throws where the file is not of this network. */
export const readInception = (file: Uint8Array): HostWeights => folded(checked(decoded(file)));

/** Of BatchNorm in this network. */
const EPSILON = 1e-3;
const REMEDY = 'use pt_inception-2015-12-05-6726825d.pth, of the releases of pytorch-fid';

const decoded = (file: Uint8Array): Readonly<Record<string, LoadedTensor>> => {
  const subject = 'inception weights';
  try {
    return decodeTorch(file, subject);
  } catch (cause) {
    const code = isTweedieError(cause) ? cause.complaint.code : undefined;
    if (code === 'TORCHSCRIPT')
      throw tweedieError({
        subject,
        problem: 'this is a TorchScript archive, which is a program',
        expected: 'the same weights as a state dict',
        remedy: REMEDY,
        cause,
      });
    if (code === 'TRUNCATED')
      throw tweedieError({
        subject,
        problem: 'the file ends too early, like a download that was cut short',
        got: `${file.length} bytes`,
        expected: `${FID_WEIGHTS.bytes}`,
        remedy: 'fetch it again',
        cause,
      });
    throw cause;
  }
};

const checked = (tensors: Readonly<Record<string, LoadedTensor>>): Readonly<Record<string, LoadedTensor>> => {
  const shapes = inceptionShapes();
  for (const [name, shape] of Object.entries(shapes)) {
    const got = tensors[name]?.shape;
    if (got?.join() !== shape.join())
      throw tweedieError({
        subject: 'inception weights',
        problem: `"${name}" is ${got === undefined ? 'missing' : 'of another shape'}: the file is of another network`,
        got: got ?? 'nothing',
        expected: `[${shape.join(', ')}]`,
        remedy: REMEDY,
      });
  }
  const strange = Object.keys(tensors).find((name) => !Object.hasOwn(shapes, name));
  if (strange !== undefined)
    throw tweedieError({
      subject: 'inception weights',
      problem: `"${strange}" is not of this network`,
      got: tensors[strange]!.shape,
      remedy: REMEDY,
    });
  return tensors;
};

/** Batch normalisation into the convolutions: w·γ/√(v + ε), β − m·γ/√(v + ε), in float64; [out, in, h, w] → [h, w, in, out]. */
const folded = (tensors: Readonly<Record<string, LoadedTensor>>): HostWeights => ({
  ...Object.fromEntries(
    convolutionsOf(INCEPTION).flatMap(({ name, from, to, kernel }) => {
      const [filter, gamma, beta, average, variance] = ['conv.weight', 'bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var'].map(
        (part) => tensors[`${name}.${part}`]!.data,
      ) as [Floats, Floats, Floats, Floats, Floats];
      const scale = Float64Array.from({ length: to }, (_, o) => gamma[o]! / Math.sqrt(variance[o]! + EPSILON));
      const [area, data] = [kernel[0] * kernel[1], new Float32Array(filter.length)];
      let read = 0;
      for (let o = 0; o < to; o++)
        for (let i = 0; i < from; i++) for (let k = 0; k < area; k++) data[(k * from + i) * to + o] = filter[read++]! * scale[o]!;
      return [
        [`${name}.weight`, { shape: [...kernel, from, to], data }],
        [`${name}.bias`, { shape: [to], data: Float32Array.from(beta, (b, o) => b - average[o]! * scale[o]!) }],
      ];
    }),
  ),
  'fc.weight': { shape: [INCEPTION_CLASSES, INCEPTION_FEATURES], data: Float32Array.from(tensors['fc.weight']!.data) },
});
type Floats = LoadedTensor['data'];
