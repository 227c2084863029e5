import type { Tensor } from '@tensorflow/tfjs-core';
import {
  adam,
  bindModel,
  createFeed,
  createNoise,
  createParameters,
  createProvided,
  edm,
  edmPreconditioner,
  karras,
  sample,
  scoreLoss,
  STREAM,
  toTensors,
  train,
  type Dataset,
  type Network,
  type Objective,
  type Plugin,
  type Provision,
  type Sampler,
} from '@tweedie/core';
import { loadMnistnet } from '@tweedie/metrics/node';
import { ddpmpp, digits, mlp, ncsnpp } from '@tweedie/networks';
import objectivesClassic from '@tweedie/objective-classic';
import lcss from '@tweedie/objective-lcss';
import stf from '@tweedie/objective-stf';
import samplersClassic, { heun } from '@tweedie/sampler-classic';
import deisSn from '@tweedie/sampler-deis-sn';
import pds from '@tweedie/sampler-pds';
import teleport from '@tweedie/sampler-teleport';

/**
 * Everything that training and sampling ask of an engine, on networks so small that a software adapter can follow: what is provided is
 * read from the plugins, not listed, so that a new method is part of it by itself.
 */
export interface Task {
  readonly name: string;
  readonly kind: 'training' | 'sampling' | 'features';
  /** Numbers that depend on all of it: losses and weights, images, features. */
  readonly run: () => Promise<Float32Array>;
}

const noise = createNoise(11n);
/** Not square: rows and columns must not be mistaken for each other. */
const IMAGE = [8, 4, 1] as const;
const schedule = edm();
const preconditioner = edmPreconditioner({ sigmaData: 0.5 });

const tinyDigits = (): Network => digits({ shape: IMAGE, channels: [4, 8], embedding: 8, features: 4, attention: true, dropout: 0.1 });
const song = { shape: IMAGE, classes: 3, modelChannels: 4, channelMult: [1, 2], numBlocks: 1, attentionAt: [4] } as const;

/** For samplers, whose arithmetic does not depend on what answers. */
const tiniest = (): Network => digits({ shape: IMAGE, channels: [4], blocks: [1], embedding: 4, features: 2 });

/** One of each family, with the parts that are off by default switched on. */
export const networks: Readonly<Record<string, () => Network>> = {
  digits: tinyDigits,
  ddpmpp: () => ddpmpp(song),
  ncsnpp: () => ncsnpp({ ...song, encoder: 'residual', decoder: 'skip' }),
  mlp: () => mlp({ shape: [3], classes: 2, width: 8, depth: 2, features: 4, noiseFeatures: 4 }),
};

const dataOf = (shape: readonly number[], classes: number): Dataset => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const all = noise.hostNormal([32, size], { stream: STREAM.data });
  return {
    id: 'points',
    shape,
    classes,
    size: 32,
    range: [-1, 1],
    rows: (indices) => ({
      images: Float32Array.from(
        { length: indices.length * size },
        (_, i) => 0.5 * all[indices[Math.floor(i / size)]! * size + (i % size)]!,
      ),
      ...(classes === 0 ? {} : { labels: Int32Array.from(indices, (row) => row % classes) }),
    }),
  };
};

/** Losses of `steps` steps, then the weights. */
export const trained = async (objective: Objective, network: Network, steps: number): Promise<Float32Array> => {
  const parameters = createParameters(network.parameters, network.init(noise));
  const { reference } = objective.needs;
  const run = train({
    parameters,
    loss: scoreLoss({ objective, network, schedule, preconditioner }),
    feed: createFeed({
      dataset: dataOf(network.shape, network.classes),
      batchSize: 3,
      noise,
      labelDropout: 0.1,
      ...(reference === undefined ? {} : { reference: 8 }),
    }),
    optimizer: adam({ rate: 1e-3, epsilon: 1e-3 }), // steps that do not hang on the sign of a rounding error
    steps,
    noise,
  });
  try {
    const losses: number[] = [];
    for (;;) {
      const { done, value } = await run.next();
      if (done === true) return Float32Array.of(...losses, ...value.parameters);
      losses.push(value.loss);
    }
  } finally {
    parameters.dispose();
  }
};

/** Images of two rows in batches of one and one, after a few steps. */
export const sampled = async (sampler: Sampler, network: Network): Promise<Float32Array> => {
  const weights = toTensors(network.parameters, network.init(noise));
  const model = bindModel({ network, weights, schedule, preconditioner });
  const levels = karras({ steps: 4, max: 3, min: 0.1, zero: sampler.facts.reachesZero });
  const images: number[] = [];
  const drawn = sample({
    sampler,
    plan: sampler.plan(schedule, levels),
    denoise: model.denoise,
    shape: network.shape,
    classes: network.classes,
    label: (image) => image % network.classes,
    count: 2,
    noise,
  });
  try {
    for await (const event of drawn) if (event.kind === 'images') images.push(...(await event.images.data()));
  } finally {
    Object.values(weights).forEach((weight) => weight.dispose());
  }
  return Float32Array.from(images);
};

const provisionsOf = (kind: Provision['kind'], plugins: readonly Plugin[]): readonly Provision[] =>
  plugins.flatMap(({ provides }) => provides).filter((provision) => provision.kind === kind);

/** What a method needs that has no default; and tolerances for which a few calls do. */
const OPTIONS: Readonly<Record<string, object>> = { teleport: { then: heun(), skipTo: 1 }, rk45: { rtol: 0.02, atol: 0.02 } };

const features = async (): Promise<Float32Array> => {
  const extractor = await loadMnistnet();
  const images: Tensor = noise.normal([2, 28, 28, 1], { stream: STREAM.data });
  const [found, logits] = [await extractor.features(images), await extractor.logits!(images)];
  const numbers = Float32Array.of(...(await found.data()), ...(await logits.data()));
  [images, found, logits].forEach((tensor) => tensor.dispose());
  return numbers;
};

/** Every task, made anew: first-party objectives on every network, first-party samplers on the digits network, the extractor. */
export const workload = async (): Promise<readonly Task[]> => {
  const tasks: Task[] = [{ name: 'mnistnet', kind: 'features', run: features }];
  for (const provision of provisionsOf('objective', [objectivesClassic, lcss, stf])) {
    const objective = await createProvided<'objective'>(provision, OPTIONS[provision.name] ?? {});
    for (const [name, network] of Object.entries(networks)) {
      // A second derivative for each of 32 pixels of a deep network takes minutes, and asks for no kernel that ssm does not ask for.
      if (provision.name === 'ism' && name !== 'mlp') continue;
      tasks.push({ name: `${provision.name} on ${name}`, kind: 'training', run: () => trained(objective, network(), 2) });
    }
  }
  for (const provision of provisionsOf('sampler', [samplersClassic, deisSn, pds, teleport])) {
    const sampler = await createProvided<'sampler'>(provision, OPTIONS[provision.name] ?? {});
    tasks.push({ name: provision.name, kind: 'sampling', run: () => sampled(sampler, tiniest()) });
  }
  return tasks;
};
