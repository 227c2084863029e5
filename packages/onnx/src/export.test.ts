import { readFileSync } from 'node:fs';
import {
  add,
  conv2d,
  engine,
  memory,
  mul,
  reshape,
  slice,
  tensor,
  tidy,
  tile,
  topk,
  type Rank,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import {
  bindModel,
  edm,
  edmPreconditioner,
  levelRows,
  LEVEL,
  scorePreconditioner,
  vpLinear,
  type Extractor,
  type Network,
} from '@tweedie/core';
import { rawExtractor } from '@tweedie/metrics';
import { loadCifarnet, loadMnistnet } from '@tweedie/metrics/node';
import { mlp } from '@tweedie/networks';
import { describe, expect, it } from 'vitest';
import { networks, stirred } from '../test/models.ts';
import { decodeModel, exportDenoiser, exportExtractor } from './index.ts';
import { PRODUCER } from './producer.ts';
import { encodeModel, type ModelProto } from './schema.ts';

const preconditioner = edmPreconditioner({ sigmaData: 0.6 });
const bound = (network: Network, weights: Record<string, Tensor>) => ({ network, weights, schedule: edm(), preconditioner });
const dispose = (weights: Record<string, Tensor>): void => Object.values(weights).forEach((weight) => weight.dispose());

/** What every file must be: in order, each name made once and before it is used, weights of the size of their shape. */
const checkFile = ({ irVersion, opsetImport, producerName, producerVersion, graph }: ModelProto): void => {
  expect([irVersion, opsetImport, producerName, producerVersion]).toEqual([8, [{ version: 18 }], '@tweedie/onnx', PRODUCER.version]);
  const known = new Set(graph.input.map(({ name }) => name));
  const define = (name: string): void => {
    expect(known.has(name), name).toBe(false);
    known.add(name);
  };
  const width: Record<number, number> = { 1: 4, 7: 8, 11: 8 };
  for (const { name, dims, dataType, rawData } of graph.initializer) {
    define(name);
    expect(rawData.length, name).toBe(dims.reduce((product, extent) => product * extent, width[dataType]!));
  }
  for (const { opType, input, output } of graph.node) {
    for (const name of input) if (name !== '') expect(known.has(name), `${opType} takes ${name}`).toBe(true);
    output.forEach(define);
  }
  for (const { name } of graph.output) expect(known.has(name)).toBe(true);
};
const shapes = (infos: ModelProto['graph']['input']) =>
  infos.map(({ name, type: { tensorType } }) => [
    name,
    tensorType.elemType,
    tensorType.shape.dim.map(({ dimParam, dimValue }) => (dimParam === '' || dimParam === undefined ? dimValue : dimParam)),
  ]);

describe.each(networks)('the denoiser of %s', (_name, make) => {
  it('is a whole file with a free batch, every weight in it, and nothing left on the engine', async () => {
    const network = make();
    const weights = stirred(network);
    const before = memory().numTensors;
    const model = decodeModel(await exportDenoiser(bound(network, weights), { hash: 'abc' }));
    expect(memory().numTensors).toBe(before);
    expect(Object.hasOwn(engine(), 'runKernel')).toBe(false);
    checkFile(model);
    const label = network.classes > 0 ? [['label', 1, ['batch', network.classes]]] : [];
    expect(shapes(model.graph.input)).toEqual([['y', 1, ['batch', ...network.shape]], ['sigma', 11, ['levels']], ...label]);
    expect(shapes(model.graph.output)).toEqual([['x0', 1, ['batch', ...network.shape]]]);
    const held = new Set(model.graph.initializer.map(({ name }) => name));
    const filters = network.parameters.filter(({ name }) => /resample_filter|qkv/.test(name)).map(({ name }) => name);
    for (const { name } of network.parameters) if (!filters.includes(name)) expect(held, name).toContain(name);
    expect(Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]))).toMatchObject({
      hash: 'abc',
      'tweedie.kind': 'denoiser',
      'tweedie.schedule': edm().id,
      'tweedie.preconditioner': preconditioner.id,
      'tweedie.config': JSON.stringify(network.config),
    });
    // No shape holds a batch that the network was recorded with where another one must pass.
    const reshapes = model.graph.node.filter(({ opType }) => opType === 'Reshape');
    const targets = new Map(
      model.graph.initializer
        .filter(({ dataType }) => dataType === 7)
        .map(({ name, rawData }) => [name, new BigInt64Array(Uint8Array.from(rawData).buffer)]),
    );
    const produced = new Set(model.graph.node.flatMap(({ output }) => output));
    for (const { input } of reshapes) if (produced.has(input[0]!)) expect([...targets.get(input[1]!)!]).toContain(-1n);
    dispose(weights);
  });
});

it.each([
  ['mnistnet', loadMnistnet, [28, 28, 1], ['features', 'logits'], 4],
  ['cifarnet', loadCifarnet, [32, 32, 3], ['features', 'logits'], 5],
  ['raw', () => Promise.resolve(rawExtractor([2])), [2], ['features'], 0],
] as const)('the extractor %s is a whole file', async (_name, load, shape, names, convolutions) => {
  const extractor = await load();
  const before = memory().numTensors;
  const model = decodeModel(await exportExtractor(extractor, shape));
  expect(memory().numTensors).toBe(before);
  checkFile(model);
  expect(shapes(model.graph.input)).toEqual([['images', 1, ['batch', ...shape]]]);
  expect(model.graph.output.map(({ name }) => name)).toEqual(names);
  // Features and logits share their convolutions.
  expect(model.graph.node.filter(({ opType }) => opType === 'Conv')).toHaveLength(convolutions);
});

it('has the name and version of its package', () => {
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as typeof PRODUCER;
  expect(PRODUCER).toEqual({ name, version });
});

it('gives each name once, whatever weights are called and in how many orders of axes they are used', async () => {
  const odd: Network = {
    ...mlp({ shape: [3, 3, 2] }),
    apply: (w, x) =>
      tidy(() => {
        const filter = reshape<Rank.R4>(w['Mul_1']!, [1, 1, 2, 2]);
        const last = mul(x, w['y']!);
        return add(mul(conv2d(last as Tensor4D, filter, 1, 'same'), w['y']!), w['x0']!);
      }),
  };
  const weights = { y: tensor([1, 2]), x0: tensor([3, 4]), Mul_1: tensor([[1, 2], [3, 4]]) }; // prettier-ignore
  checkFile(decodeModel(await exportDenoiser(bound(odd, weights))));
  dispose(weights);
});

describe('what cannot be written is refused by name, and frees all it made', () => {
  const like = (apply: Network['apply']): Network => ({ ...mlp({ shape: [2] }), name: 'strange', parameters: [], apply });
  const refusal = async (work: () => Promise<unknown>): Promise<string> => {
    const before = memory().numTensors;
    const message = await work().then(
      () => 'nothing was refused',
      (error: unknown) => (error as Error).message,
    );
    expect(memory().numTensors).toBe(before);
    expect(Object.hasOwn(engine(), 'runKernel')).toBe(false);
    return message;
  };
  const ofNetwork = (apply: Network['apply']): Promise<string> => refusal(() => exportDenoiser(bound(like(apply), {})));

  it('a kernel without a counterpart', async () => {
    const message = await ofNetwork((_w, x) => tidy(() => add(x, topk(x, 1).values)));
    expect(message).toContain('the kernel TopK cannot be written: ONNX has nothing that we know for it');
  });

  it('a tensor that is made of the noise level behind our back', async () => {
    const message = await ofNetwork((_w, x, c) => tidy(() => mul(x, tensor(Float32Array.from(c, Math.exp), [c.length, 1]))));
    expect(message).toContain('a tensor is made on the host of the noise level or the batch, and not by a formula');
    const copied = await ofNetwork((_w, x, c) => tidy(() => mul(x, levelRows(Float64Array.from(c), LEVEL, [1]))));
    expect(copied).toContain('of the very `cNoise`');
  });

  it('a computation that depends on the batch', async () => {
    const message = await ofNetwork((_w, x) => tidy(() => (x.shape[0] === 2 ? add(x, 1) : mul(x, 2))));
    expect(message).toContain('depends on the size of the batch');
    expect(await ofNetwork((_w, x) => tidy(() => tile(slice(x, [0, 0], [1, 2]), [x.shape[0]!, 1])))).toContain(
      'its reps depends on the batch',
    );
  });

  it('a network that throws', async () => {
    expect(
      await ofNetwork((_w, x) => {
        add(x, 1);
        throw new Error('out of order');
      }),
    ).toBe('out of order');
  });

  it('a parametrisation without formulas', async () => {
    const { formulas: _, ...silent } = scorePreconditioner();
    const given = { network: mlp({ shape: [2] }), weights: {}, schedule: vpLinear(), preconditioner: silent };
    expect(await refusal(() => exportDenoiser(given))).toContain('[preconditioner score] its numbers are no formulas of the noise level');
  });

  it('an extractor that is asynchronous, weights beyond 2 GiB, bytes that are no file', async () => {
    const slow: Extractor = { id: 'slow', dims: 2, features: (images) => Promise.resolve(images.clone() as Tensor2D) };
    expect(await refusal(() => exportExtractor({ ...slow, features: () => new Promise<Tensor2D>(() => undefined) }, [2]))).toContain(
      '[extractor slow] it answers with a promise',
    );
    const graph = {
      name: 'big',
      node: [],
      input: [],
      output: [],
      initializer: [{ name: 'w', dims: [3e9], dataType: 1, rawData: { byteLength: 3e9 } as Uint8Array }],
    };
    expect(() => encodeModel({ irVersion: 8, producerName: '', producerVersion: '', opsetImport: [], metadataProps: [], graph })).toThrow(
      '3.00 GB',
    );
    expect(() => decodeModel(Uint8Array.of(255, 255, 255))).toThrow('the bytes are no ONNX file');
  });
});

it('does not change what the network says', async () => {
  const network = mlp({ shape: [2] });
  const weights = stirred(network);
  const y = tensor([[0.1, -0.4]]);
  const ask = async (): Promise<number[]> => {
    const x0 = bindModel(bound(network, weights)).denoise(y, 0.3);
    const numbers = [...(await x0.data())];
    x0.dispose();
    return numbers;
  };
  const before = await ask();
  await exportDenoiser(bound(network, weights));
  expect(await ask()).toEqual(before);
  y.dispose();
  dispose(weights);
});
