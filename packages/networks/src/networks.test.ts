import { readFileSync } from 'node:fs';
import {
  grads,
  memory,
  slice,
  square,
  sum,
  tensor,
  tensor2d,
  tidy,
  zeros,
  type Rank,
  type Tensor,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { createNoise, createProvided, isTweedieError, type Network, type Plugin } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { checkDerivative, randn } from '../test/derivatives.ts';
import { busyWeights, tinyNetworks } from '../test/tiny.ts';
import { ddpmpp, digits, mlp, songUnet } from './index.ts';
import plugin from './index.ts';

const levels = Float64Array.of(-1.2, -0.3, 0.4, 0.9);
const inputOf = (network: Network, rows = 4): Tensor => randn([rows, ...network.shape], 0);
/** Classes 0, 1, …, and a last row without one. */
const labelOf = ({ classes }: Network, rows = 4): Tensor2D | undefined =>
  classes === 0
    ? undefined
    : tensor2d(
        Float32Array.from({ length: rows * classes }, (_, i) =>
          i % classes === Math.floor(i / classes) && i < (rows - 1) * classes ? 1 : 0,
        ),
        [rows, classes],
      );
const free = (tensors: Iterable<Tensor | undefined>): void => {
  for (const t of tensors) t?.dispose();
};
const dataOf = async (make: () => Tensor): Promise<Float32Array> => {
  const result = tidy(make);
  const data = (await result.data()) as Float32Array;
  result.dispose();
  return data;
};
const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length ? Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0) : Infinity;

describe.each(Object.entries(tinyNetworks))('%s', (_name, make) => {
  const network = make();

  it('starts equal from equal seeds, as the list of its parameters says', () => {
    const weights = network.init(createNoise(11));
    expect(Object.keys(weights)).toEqual(network.parameters.map(({ name }) => name));
    for (const { name, shape } of network.parameters) expect(weights[name]).toHaveLength(shape.reduce((a, b) => a * b, 1));
    const again = network.init(createNoise(11));
    for (const { name } of network.parameters) expect(worst(again[name]!, weights[name]!)).toBe(0);
    const other = network.init(createNoise(12));
    expect(
      network.parameters.filter(({ name }) => name.endsWith('.weight') && worst(other[name]!, weights[name]!) > 0).length,
    ).toBeGreaterThan(3);
  });

  it('gives row i of a batch what it gives row i alone, and leaves no tensor behind', async () => {
    const weights = busyWeights(network);
    const [x, label] = [inputOf(network), labelOf(network)];
    const before = memory().numTensors;
    const together = await dataOf(() => network.apply(weights, x, levels, label));
    expect(Math.max(...together.map(Math.abs))).toBeGreaterThan(0.1);
    const size = together.length / 4;
    for (const i of [0, 2, 3]) {
      const alone = await dataOf(() =>
        network.apply(weights, slice(x, i, 1), levels.slice(i, i + 1), label && slice(label, [i, 0], [1, -1])),
      );
      expect(worst(alone, together.slice(i * size, (i + 1) * size))).toBeLessThan(1e-5);
    }
    expect(memory().numTensors).toBe(before);
    free([x, label, ...Object.values(weights)]);
  });

  it('has the derivatives of finite differences: in x and the weights, then of ∂/∂x in x and the weights', async () => {
    const weights = busyWeights(network);
    const trained = network.parameters.filter(({ trainable }) => trainable !== false).map(({ name }) => name);
    const label = labelOf(network, 2);
    const at = levels.slice(1, 3);
    const f = (x: Tensor | undefined, ...rest: Tensor[]): Tensor =>
      network.apply({ ...weights, ...Object.fromEntries(trained.map((name, i) => [name, rest[i]!])) }, x!, at, label);
    const x = inputOf(network, 2);
    const inputs = [x, ...trained.map((name) => weights[name]!)];
    const all = inputs.map((_, i) => i);
    // The shifts of the last layer do not change ∂/∂x.
    const moving = all.filter((i) => i === 0 || !/(aux_conv|out)\.bias$/.test(trained[i - 1]!));
    for (const check of [
      await checkDerivative(1, f, inputs, { h: 0.0005 }),
      await checkDerivative(2, f, inputs, { inner: [0], outer: moving, h: 0.0005 }),
    ]) {
      expect(Math.abs(check.analytic - check.numeric)).toBeLessThan(1e-3 * (1 + Math.abs(check.numeric)));
      expect(check.leaked).toBe(0);
    }
    free([x, label, ...Object.values(weights)]);
  });

  it('leaves no tensor behind in training, dropout included, and dropout is a function of the noise', async () => {
    const weights = busyWeights(network);
    const [x, label] = [inputOf(network), labelOf(network)];
    const before = memory().numTensors;
    const train = { noise: createNoise(1), step: 4 };
    const trained = network.parameters.filter(({ trainable }) => trainable !== false).map(({ name }) => name);
    tidy(() => {
      const loss = (...w: Tensor[]): Tensor =>
        sum(square(network.apply({ ...weights, ...Object.fromEntries(trained.map((name, i) => [name, w[i]!])) }, x, levels, label, train)));
      grads(loss)(trained.map((name) => weights[name]!));
    });
    expect(memory().numTensors).toBe(before);
    const once = await dataOf(() => network.apply(weights, x, levels, label, train));
    expect(worst(await dataOf(() => network.apply(weights, x, levels, label, train)), once)).toBe(0);
    const later = await dataOf(() => network.apply(weights, x, levels, label, { ...train, step: 5 }));
    if (network.config['dropout'] === 0.2) expect(worst(later, once)).toBeGreaterThan(1e-3);
    // Row i of a batch sees the dropout of row i of the noise.
    const size = once.length / 4;
    const alone = await dataOf(() =>
      network.apply(weights, slice(x, 2, 1), levels.slice(2, 3), label && slice(label, [2, 0], [1, -1]), {
        noise: createNoise(1).rows(2),
        step: 4,
      }),
    );
    expect(worst(alone, once.slice(2 * size, 3 * size))).toBeLessThan(1e-5);
    expect(memory().numTensors).toBe(before);
    free([x, label, ...Object.values(weights)]);
  });

  it('is made again by its config', async () => {
    const provision = plugin.provides.find(({ name }) => name === network.name)!;
    const again = await createProvided<'network'>(provision, JSON.parse(JSON.stringify(network.config)));
    expect(again.parameters).toEqual(network.parameters);
    expect(again.config).toEqual(network.config);
  });

  it('refuses inputs of other shapes by name', () => {
    const weights = busyWeights(network);
    const wrong = zeros([2, ...network.shape.slice(0, -1), network.shape.at(-1)! + 1]);
    const right = zeros([2, ...network.shape]);
    const label = zeros<Rank.R2>([2, network.classes + 1]);
    const refused = (run: () => Tensor): string => {
      try {
        tidy(run);
      } catch (error) {
        if (isTweedieError(error)) return error.message;
        throw error;
      }
      return 'accepted';
    };
    const before = memory().numTensors;
    expect(refused(() => network.apply(weights, wrong, levels.slice(0, 2)))).toMatch(/another shape.*expected \[B, /);
    expect(refused(() => network.apply(weights, right, levels))).toMatch(/not one noise level a row/);
    expect(refused(() => network.apply(weights, right, levels.slice(0, 2), label))).toMatch(/labels|classes/);
    const { [network.parameters.at(-1)!.name]: gone, ...rest } = weights;
    expect(refused(() => network.apply(rest, right, levels.slice(0, 2)))).toContain(network.parameters.at(-1)!.name);
    expect(memory().numTensors).toBe(before);
    free([wrong, right, label, gone, ...Object.values(rest)]);
  });
});

describe('what the engines agree on', () => {
  // Made on the engine `cpu`: on every other one this is a comparison with it.
  const golden = JSON.parse(readFileSync(new URL('../test/golden/outputs.json', import.meta.url), 'utf8')) as Record<string, number[]>;
  it.each(Object.entries(tinyNetworks))('%s', async (name, make) => {
    const network = make();
    const weights = busyWeights(network);
    const [x, label] = [inputOf(network), labelOf(network)];
    const out = await dataOf(() => network.apply(weights, x, levels, label));
    expect(worst(out.slice(0, golden[name]!.length), golden[name]!)).toBeLessThan(2e-5);
    free([x, label, ...Object.values(weights)]);
  });
});

describe('options', () => {
  it('that cannot work are refused with what would', () => {
    expect(() => digits({ shape: [30, 28, 1] })).toThrow(/cannot be halved 1 times after patches of 2.*divisible by 4/);
    expect(() => digits({ channels: [32, 64], blocks: [1] })).toThrow(/`blocks`/);
    expect(() => digits({ channels: [130, 64] })).toThrow(/multiples/);
    expect(() => ddpmpp({ shape: [28, 28, 1], channelMult: [1, 2, 2, 2] })).toThrow(/divisible by 8/);
    expect(() => songUnet({ shape: [8, 8, 1], resampleFilter: [1, 2, 1] })).toThrow(/resampleFilter/);
    expect(() => songUnet({ shape: [8, 8, 1], modelChannels: 33 })).toThrow(/modelChannels|embedding/);
    expect(() => songUnet({ shape: [8, 8, 1], modelChannels: 6, channelMult: [1, 2] })).toThrow(/18 channels do not fall into 4 groups/);
    expect(() => mlp({ shape: [] })).toThrow(/shape/);
    expect(() => mlp({ shape: [2], depth: 0 })).toThrow(/depth/);
  });

  it('describe themselves, and are validated by name', async () => {
    const { provides, name, version }: Plugin = plugin;
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      name: string;
      version: string;
      keywords: string[];
    };
    expect({ name, version }).toEqual({ name: manifest.name, version: manifest.version });
    expect(manifest.keywords).toContain('tweedie-plugin');
    expect(provides.map((p) => [p.kind, p.name])).toEqual([
      ['network', 'ddpmpp'],
      ['network', 'ncsnpp'],
      ['network', 'digits'],
      ['network', 'mlp'],
    ]);
    for (const { options } of provides) {
      const schema = options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as {
        properties: Record<string, { description?: string }>;
      };
      for (const [key, { description }] of Object.entries(schema.properties)) expect(description, key).toBeTruthy();
    }
    await expect(createProvided(provides[2]!, { channel: [8] })).rejects.toThrow(/channel/);
    const made = await createProvided<'network'>(provides[1]!, { shape: [32, 32, 3] });
    expect(made.config).toMatchObject({ embedding: 'fourier', encoder: 'residual', channelMultNoise: 2, resampleFilter: [1, 3, 3, 1] });
  });

  it('of digits: centring inside is EDM preconditioning of centred data outside', async () => {
    // D(y) = m + D_c(y − m), both with σ_d = 0.6, D = c_skip y + c_out F.
    const options = { shape: [8, 8, 1], channels: [4, 8], blocks: [1, 1], embedding: 8, features: 4, classes: 0, sigmaData: 0.6 } as const;
    const [m, sigma] = [-0.7, 1.3];
    const total = Math.hypot(sigma, 0.6);
    const [skip, out] = [(0.6 / total) ** 2, (sigma * 0.6) / total];
    const weights = busyWeights(digits(options));
    const y = randn([1, 8, 8, 1], 0);
    const values = (await y.data()) as Float32Array;
    const denoised = async (network: Network, at: Float32Array): Promise<number[]> => {
      const f = await dataOf(() =>
        network.apply(
          weights,
          tensor(
            at.map((v) => v / total),
            [1, 8, 8, 1],
          ),
          Float64Array.of(Math.log(sigma) / 4),
        ),
      );
      return [...at.map((v, i) => skip * v + out * f[i]!)];
    };
    const inside = await denoised(digits({ ...options, dataMean: m }), values);
    const outside = (
      await denoised(
        digits({ ...options, dataMean: 0 }),
        values.map((v) => v - m),
      )
    ).map((v) => v + m);
    expect(worst(inside, outside)).toBeLessThan(1e-5);
    free([y, ...Object.values(weights)]);
  });
});
