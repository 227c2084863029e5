import { readFileSync } from 'node:fs';
import {
  add,
  matMul,
  reshape,
  tensor,
  tensor2d,
  tidy,
  transpose,
  type Rank,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { bindModel, createNoise, decodeSafetensors, edm, edmPreconditioner, type Network } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { busyWeights } from '../test/tiny.ts';
import { fromTorch, toTorch, weightsFromTorch, type HostTensor } from './from-torch.ts';
import { ddpmpp, ncsnpp, songUnet, type SongUNetOptions } from './song-unet.ts';

const golden = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../test/golden/${file}`, import.meta.url)));

const asTensors = (network: Network, weights: Readonly<Record<string, Float32Array>>): Record<string, Tensor> =>
  Object.fromEntries(network.parameters.map(({ name, shape }) => [name, tensor(weights[name]!, [...shape])]));

const tiny: SongUNetOptions = { shape: [16, 16, 3], modelChannels: 16, channelMult: [1, 2], numBlocks: 1, attentionAt: [8], augmentDim: 9 };

describe.each([
  ['ddpmpp', ddpmpp, 189_491],
  ['ncsnpp', ncsnpp, 191_107],
] as const)('%s', (name, make, count) => {
  const { tensors } = decodeSafetensors(golden(`${name}-tiny.safetensors`), name);
  const host = (key: string): HostTensor => tensors[key]!;
  const network = make(tiny);

  it('is the reference implementation, to 2e-5', async () => {
    const weights = asTensors(network, weightsFromTorch(network, tensors));
    const nhwc = (key: string): Tensor4D =>
      transpose(tensor<Rank.R4>(Float32Array.from(host(key).data), host(key).shape as [number, number, number, number]), [0, 2, 3, 1]);
    const model = bindModel({ network, weights, schedule: edm(), preconditioner: edmPreconditioner({ sigmaData: 0.5 }) });
    const [x, denoised] = [nhwc('io.x'), nhwc('io.denoised')];
    const got = tidy(() => model.denoise(x, Float64Array.from(host('io.sigma').data)));
    const [ours, theirs] = [Array.from(await got.data()), await denoised.data()];
    expect(Math.max(...ours.map((value, i) => Math.abs(value - theirs[i]!)))).toBeLessThan(2e-5);
    for (const t of [got, x, denoised, ...Object.values(weights)]) t.dispose();
  });

  it('has the parameters of the reference, counted and named', () => {
    const trained = (n: Network): number =>
      n.parameters.filter(({ trainable }) => trainable !== false).reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
    expect(trained(network)).toBe(count);
    const { parameters, tensors: shapes } = JSON.parse(new TextDecoder().decode(golden(`${name}-cifar10-names.json`))) as {
      parameters: number;
      tensors: Record<string, number[]>;
    };
    const full = make({ shape: [32, 32, 3], augmentDim: 9 });
    expect(trained(full)).toBe(parameters);
    const theirs = Object.fromEntries(full.parameters.map((p) => [`model.${p.name}`, toTorch(p.name, p.shape, { length: 0 }).shape]));
    expect(theirs).toEqual(shapes);
  });

  it('goes to the layout of PyTorch and back', () => {
    for (const { name: key, shape } of network.parameters) {
      const { shape: theirs, data } = host(`model.${key}`);
      const ours = fromTorch(key, theirs, data);
      expect(ours.shape).toEqual(shape);
      const back = toTorch(key, ours.shape, ours.data);
      expect(back.shape).toEqual(theirs);
      expect(back.data.every((value, i) => value === data[i])).toBe(true);
    }
  });

  it('refuses state dicts that are not its own, by name', () => {
    const without = (key: string): Record<string, HostTensor> =>
      Object.fromEntries(Object.entries(tensors).filter(([other]) => other !== key));
    const conv = 'model.enc.16x16_conv.weight';
    expect(() => weightsFromTorch(network, without(conv))).toThrow(/lacks "enc.16x16_conv.weight"/);
    expect(() => weightsFromTorch(network, { ...tensors, [conv]: { shape: [16, 3, 1, 1], data: new Float32Array(48) } })).toThrow(
      /another shape.*\[16,3,1,1\].*\[16, 3, 3, 3\]/,
    );
    expect(() => weightsFromTorch(network, { ...tensors, 'model.enc.4x4_down.norm0.weight': { shape: [1], data: [1] } })).toThrow(
      /this network has not: got enc.4x4_down/,
    );
    const filter = 'model.enc.8x8_down.conv0.resample_filter';
    expect(() =>
      weightsFromTorch(network, {
        ...tensors,
        [filter]: { shape: host(filter).shape, data: Float32Array.from(host(filter).data, () => 0.1) },
      }),
    ).toThrow(/another filter/);
  });
});

it('the qkv of PyTorch, channel by channel, becomes three blocks', () => {
  expect([...fromTorch('enc.8x8_block0.qkv.bias', [6], [0, 1, 2, 10, 11, 12]).data]).toEqual([0, 10, 1, 11, 2, 12]);
  expect(
    [
      ...fromTorch(
        'model.enc.8x8_block0.qkv.weight',
        [6, 2, 1, 1],
        Array.from({ length: 12 }, (_, i) => i),
      ).data,
    ].slice(0, 6),
  ).toEqual([0, 6, 2, 8, 4, 10]);
  expect([...fromTorch('map_layer0.weight', [2, 3], [1, 2, 3, 4, 5, 6]).data]).toEqual([1, 4, 2, 5, 3, 6]);
});

describe('conditions', () => {
  const network = songUnet({ shape: [4, 4, 1], modelChannels: 4, channelMult: [1], numBlocks: 1, classes: 4, augmentDim: 3 });
  const x = tensor(Float32Array.from(createNoise(2).hostNormal([1, 16], { stream: 1024 })), [1, 4, 4, 1]);
  const at = Float64Array.of(0.2);
  const out = async (weights: Record<string, Tensor>, label?: number[], augment?: number[]): Promise<Float32Array> =>
    (await tidy(() =>
      network.apply(weights, x, at, label && tensor2d([label]), undefined, augment && tensor2d([augment])),
    ).data()) as Float32Array;
  const differ = (a: Float32Array, b: Float32Array): number => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);

  it('labels enter as onehot · √classes, with zeros by default; augmentation labels only when given', async () => {
    const weights = busyWeights(network);
    const plain = await out(weights);
    expect(await out(weights, [0, 0, 0, 0])).toEqual(plain);
    expect(await out(weights, [0, 0, 0, 0], [0, 0, 0])).toEqual(plain);
    expect(differ(await out(weights, undefined, [0, 1, 0]), plain)).toBeGreaterThan(1e-3);
    // The label of class 2 is √4 times row 2 of the matrix, added to the bias.
    const moved = {
      ...weights,
      'map_label.bias': tidy(() =>
        add(weights['map_label.bias']!, reshape(matMul(tensor2d([[0, 0, 2, 0]]), weights['map_label.weight'] as Tensor2D), [-1])),
      ),
    };
    expect(differ(await out(weights, [0, 0, 1, 0]), await out(moved))).toBeLessThan(1e-6);
    expect(differ(await out(weights, [0, 0, 1, 0]), plain)).toBeGreaterThan(1e-3);
  });

  it('augmentation labels of another width are refused', async () => {
    await expect(out(busyWeights(network), undefined, [1, 2])).rejects.toThrow(/augmentation labels.*\[1, 3\]/);
  });
});
