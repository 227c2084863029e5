import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { tweedieError } from '../contracts/error.ts';
import type { Json, Network } from '../contracts/network.ts';
import { decodeSafetensors, encodeSafetensors, type LoadedTensor } from '../io/safetensors.ts';
import type { Parameters } from '../run/parameters.ts';
import type { TrainState } from '../run/train.ts';
import { readBytes, writeFileAtomic } from './files.ts';
import { canonicalJson, modelHash } from './hash.ts';

/** What a checkpoint says of itself, beside its numbers. */
export interface Identity {
  /** Everything that makes the model again: network, schedule, preconditioner, data id, label dropout. */
  readonly config: { readonly [key: string]: Json };
  readonly seed: bigint;
  readonly plugins: { readonly [name: string]: string };
}

export const WEIGHTS = 'weights.safetensors';
export const STATE = 'state.safetensors';
const FORMAT = 'tweedie-checkpoint-1';

/**
 * Saves a run: `state.safetensors` (parameters, moving average, optimiser, step, seed: what resuming needs), then
 * `weights.safetensors` (the moving average by name: what inference needs). Each is written whole or not at all; the state
 * is the truth, and the weights are written again from it.
 */
export const writeCheckpoint = async (
  folder: string,
  state: TrainState,
  parameters: Parameters,
  network: Network,
  identity: Identity,
): Promise<void> => {
  const vector = (data: Float32Array) => ({ shape: [data.length], data });
  await writeFileAtomic(
    join(folder, STATE),
    encodeSafetensors({
      tensors: {
        parameters: vector(state.parameters),
        ema: vector(state.ema),
        ...Object.fromEntries(Object.entries(state.slots).map(([name, data]) => [`slot.${name}`, vector(data)])),
      },
      metadata: { ...metadataOf(identity), step: String(state.step), layout: canonicalJson(layoutOf(network)) },
    }),
  );
  await writeFileAtomic(join(folder, WEIGHTS), encodeWeights(state, parameters, network, identity));
};

/** The inference weights as a safetensors file that stands alone: config and hash inside. `half` rounds to half precision. */
export const encodeWeights = (
  state: Pick<TrainState, 'ema' | 'step'>,
  parameters: Parameters,
  network: Network,
  identity: Identity,
  { half = false } = {},
): Uint8Array => {
  const values = parameters.values(state.ema);
  return encodeSafetensors({
    tensors: Object.fromEntries(
      network.parameters.map(({ name, shape }) => [name, { shape, data: values[name]!, ...(half ? { dtype: 'F16' as const } : {}) }]),
    ),
    metadata: {
      ...metadataOf(identity),
      step: String(state.step),
      modelHash: modelHash(network.parameters, half ? rounded(values) : values, network.config),
    },
  });
};

/** The state to resume from, or undefined where there is none yet. Refuses that of another network, configuration or seed. */
export const readState = async (
  folder: string,
  network: Network,
  identity: Pick<Identity, 'config' | 'seed'>,
): Promise<TrainState | undefined> => {
  const path = join(folder, STATE);
  if (!existsSync(path)) return undefined;
  const { tensors, metadata } = decodeSafetensors(await readBytes(path), path);
  const remedy = 'resume with the configuration that the run was started with, or choose another folder';
  const same = (problem: string, got: string | undefined, expected: string): void => {
    if (got !== expected) throw tweedieError({ subject: path, problem, got, expected, remedy });
  };
  same('this is no state of a Tweedie run', metadata['format'], FORMAT);
  same('the state belongs to another network', metadata['layout'], canonicalJson(layoutOf(network)));
  same('the state belongs to another configuration', metadata['config'], canonicalJson(identity.config));
  same('the state belongs to another seed', metadata['seed'], String(identity.seed));
  const step = Number(metadata['step']);
  if (!Number.isSafeInteger(step) || step < 0)
    throw tweedieError({ subject: path, problem: 'its step is no number', got: metadata['step'], expected: 'an integer ≥ 0', remedy });
  const vector = (name: string): Float32Array => {
    const data = tensors[name]?.data;
    if (!(data instanceof Float32Array)) throw tweedieError({ subject: path, problem: `its vector "${name}" is missing`, remedy });
    return data;
  };
  const slots = Object.keys(tensors).filter((name) => name.startsWith('slot.'));
  return {
    step,
    parameters: vector('parameters'),
    ema: vector('ema'),
    slots: Object.fromEntries(slots.map((name) => [name.slice(5), vector(name)])),
  };
};

/** A weights file, opened: what it says of itself, and its tensors. */
export interface WeightsFile {
  readonly config: { readonly [key: string]: Json };
  readonly step: number;
  readonly modelHash: string;
  readonly tensors: Readonly<Record<string, LoadedTensor>>;
}

export const readWeights = async (path: string): Promise<WeightsFile> => {
  const { tensors, metadata } = decodeSafetensors(
    await readBytes(path, 'give a run folder or a weights file that `tweedie train` wrote'),
    path,
  );
  if (metadata['format'] !== FORMAT || metadata['config'] === undefined) {
    throw tweedieError({
      subject: path,
      problem: 'the file says nothing of the network it belongs to',
      got: metadata['format'] ?? 'no format',
      expected: FORMAT,
      remedy: 'use the weights.safetensors of a run',
    });
  }
  return {
    config: JSON.parse(metadata['config']) as WeightsFile['config'],
    step: Number(metadata['step']),
    modelHash: metadata['modelHash'] ?? '',
    tensors,
  };
};

/** Values by name for a network, checked name by name and shape by shape. */
export const valuesFor = (
  network: Network,
  tensors: Readonly<Record<string, LoadedTensor>>,
  subject: string,
): Record<string, Float32Array> => {
  const values = network.parameters.map(({ name, shape }) => {
    const found = tensors[name];
    if (found === undefined || found.shape.join() !== shape.join() || !(found.data instanceof Float32Array)) {
      throw tweedieError({
        subject,
        problem: `the weights are of another network: "${name}" does not fit`,
        got: found === undefined ? 'nothing' : `${found.dtype} [${found.shape.join(', ')}]`,
        expected: `F32 [${shape.join(', ')}]`,
        remedy: 'use the weights of this network, or the configuration of these weights',
      });
    }
    return [name, found.data] as const;
  });
  const known = new Set(network.parameters.map(({ name }) => name));
  const extra = Object.keys(tensors).find((name) => !known.has(name));
  if (extra !== undefined)
    throw tweedieError({
      subject,
      problem: `the weights are of another network: it has no "${extra}"`,
      remedy: 'use the weights of this network, or the configuration of these weights',
    });
  return Object.fromEntries(values);
};

const metadataOf = ({ config, seed, plugins }: Identity): Record<string, string> => ({
  format: FORMAT,
  config: canonicalJson(config),
  seed: String(seed),
  plugins: canonicalJson(plugins),
});
const layoutOf = ({ parameters }: Network): Json => parameters.map(({ name, shape, trainable = true }) => [name, shape, trainable]);

const rounded = (values: Readonly<Record<string, Float32Array>>): Record<string, Float32Array> => {
  const { tensors } = decodeSafetensors(
    encodeSafetensors({
      tensors: Object.fromEntries(
        Object.entries(values).map(([name, data]) => [name, { shape: [data.length], data, dtype: 'F16' as const }]),
      ),
    }),
    'weights',
  );
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data as Float32Array]));
};
