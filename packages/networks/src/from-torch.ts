import { tweedieError, type Network } from '@tweedie/core';

/** A tensor on the host, row-major. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * One weight of the DDPM++ / NCSN++ family, from PyTorch's layout to ours. `name` as in the state dict, with or without the prefix `model.`.
 *
 * - convolutions: [out, in, k, k] → [k, k, in, out];
 * - linear maps: [out, in] → [in, out];
 * - `qkv`: theirs has q, k and v of a channel side by side (output 3c + j), ours has them in blocks (output jC + c); weight and bias alike;
 * - resampling filters: [1, 1, k, k] → [k, k, 1, 1]; all else as it is.
 */
export const fromTorch = (
  name: string,
  shape: readonly number[],
  data: ArrayLike<number>,
): { readonly shape: number[]; readonly data: Float32Array } => {
  const { to, index } = layoutOf(name, shape);
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[index(i)] = data[i]!;
  return { shape: to, data: out };
};

/** The inverse of {@link fromTorch}: `shape` and `data` are ours. */
export const toTorch = (
  name: string,
  shape: readonly number[],
  data: ArrayLike<number>,
): { readonly shape: number[]; readonly data: Float32Array } => {
  const theirs =
    shape.length === 4 ? [shape[3]!, shape[2]!, shape[0]!, shape[1]!] : shape.length === 2 ? [shape[1]!, shape[0]!] : [...shape];
  if (name.endsWith('.resample_filter')) return { shape: [1, 1, shape[0]!, shape[1]!], data: Float32Array.from(data) };
  const { index } = layoutOf(name, theirs);
  return { shape: theirs, data: Float32Array.from({ length: data.length }, (_, i) => data[index(i)]!) };
};

/**
 * The weights of `network`, made by `ddpmpp`, `ncsnpp` or `songUnet`, from an EDM state dict: `decodeSafetensors(bytes).tensors`.
 *
 * Refuses a missing weight, one of another shape, one that the network does not have, and resampling filters other than the network's.
 * Names that start with neither `model.` nor a part of the network (`io.x`) are left alone. What EDM does not store, σ_data, is the preconditioner's.
 */
export const weightsFromTorch = (network: Network, tensors: Readonly<Record<string, HostTensor>>): Record<string, Float32Array> => {
  const subject = `network ${network.name}`;
  const found = new Map(Object.entries(tensors).map(([name, tensor]) => [name.replace(/^model\./, ''), { name, tensor }]));
  const known = new Set(network.parameters.map(({ name }) => name));
  const strange = [...found.keys()].filter((name) => PART.test(name) && !known.has(name));
  if (strange.length > 0) {
    throw tweedieError({
      subject,
      problem: `the state dict has ${strange.length} weights that this network has not`,
      got: strange.slice(0, 3).join(', '),
      remedy: 'make the network with the settings that the checkpoint was trained with',
    });
  }
  return Object.fromEntries(
    network.parameters.map(({ name, shape }) => {
      const entry = found.get(name);
      if (entry === undefined) {
        throw tweedieError({
          subject,
          problem: `the state dict lacks "${name}"`,
          got: `${found.size} tensors`,
          remedy: 'make the network with the settings that the checkpoint was trained with',
        });
      }
      const { shape: theirs, data } = entry.tensor;
      const ours = fromTorch(name, theirs, data);
      if (ours.shape.join() !== shape.join()) {
        throw tweedieError({
          subject,
          problem: `"${entry.name}" has another shape`,
          got: theirs,
          expected: `[${toTorchShape(name, shape).join(', ')}]`,
          remedy: 'make the network with the settings that the checkpoint was trained with',
        });
      }
      if (name.endsWith('.resample_filter'))
        checkFilter(subject, entry.name, ours.data, network.config['resampleFilter'] as readonly number[]);
      return [name, ours.data];
    }),
  );
};

const PART = /^(enc|dec|map_\w+)\./;

const layoutOf = (name: string, shape: readonly number[]): { to: number[]; index: (i: number) => number } => {
  const [out = 1, inputs = 1, height = 1, width = 1] = shape;
  const last = /\.qkv\.(weight|bias)$/.test(name)
    ? (o: number): number => (o % 3) * (out / 3) + Math.floor(o / 3)
    : (o: number): number => o;
  if (name.endsWith('.resample_filter')) return { to: [height, width, 1, 1], index: (i) => i };
  if (shape.length === 1) return { to: [...shape], index: last };
  const to = shape.length === 4 ? [height, width, inputs, out] : [inputs, out];
  const field = height * width;
  return {
    to,
    index: (i) => {
      const pixel = i % field;
      const from = Math.floor(i / field) % inputs;
      const o = Math.floor(i / (field * inputs));
      return (pixel * inputs + from) * out + last(o);
    },
  };
};

const toTorchShape = (name: string, shape: readonly number[]): readonly number[] => toTorch(name, shape, { length: 0 }).shape;

const checkFilter = (subject: string, name: string, got: Float32Array, taps: readonly number[]): void => {
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  const differs = got.some(
    (value, i) => Math.abs(value - (taps[Math.floor(i / taps.length)]! * taps[i % taps.length]!) / total ** 2) > 1e-6,
  );
  if (differs)
    throw tweedieError({
      subject,
      problem: `"${name}" is another filter`,
      got: [...got].slice(0, 4),
      expected: `[${taps.join(', ')}]`,
      remedy: 'set `resampleFilter` to the filter of the checkpoint',
    });
};
