import { composeExperiment, CONFIG, RATE, type ExperimentConfig, type ExperimentInput } from '@tweedie/cli';
import type { Network } from '@tweedie/core';
import { NETWORK, PLAN } from '@tweedie/core/container';
import { describe, expect, it } from 'vitest';
import fallback, { recipe, SIZES, type Size } from './config.ts';

/** A recipe without its data: the network is told what it would learn from them. */
const composed = async (size: Size, network: object = {}) => {
  const given = recipe(size);
  const input: ExperimentInput = { ...given, network: { shape: [32, 32, 3], ...given.network, ...network } };
  return composeExperiment(input, { data: false });
};
/** What a published number of parameters counts: buffers are none. */
const countOf = ({ parameters }: Network): number =>
  parameters.reduce((sum, { shape, trainable }) => sum + (trainable === false ? 0 : shape.reduce((product, n) => product * n, 1)), 0);
const configOf = async (size: Size): Promise<ExperimentConfig> => (await composed(size)).get(CONFIG);

describe('the recipe for one core', () => {
  it('is what stands there without a word', () => {
    expect(SIZES[0]).toBe('cpu');
    expect(fallback).toEqual(recipe('cpu'));
  });

  it('sees half a million images, and fits into 3 MB in half precision', async () => {
    const { training } = await configOf('cpu');
    expect(training.batchSize * training.steps!).toBeGreaterThanOrEqual(5e5);
    const network = (await composed('cpu')).get(NETWORK);
    expect(2 * countOf(network)).toBeLessThan(2.9e6);
    expect(network.classes).toBe(10);
  });
});

describe.each([
  ['ddpmpp', 55_733_891],
  ['ncsnpp', 56_397_827],
] as const)('the recipe of the papers, %s', (size, parameters) => {
  it('has the network of the published checkpoints, unconditional; theirs take augmentation labels too', async () => {
    const network = (await composed(size, { augmentDim: 9 })).get(NETWORK);
    expect(network).toMatchObject({ name: size, classes: 0 });
    expect(countOf(network)).toBe(parameters);
  });

  it('sees 200 million images in batches of 512, the rate rising over 10 million and staying', async () => {
    const experiment = await composed(size);
    const { training } = experiment.get(CONFIG);
    expect(training.steps! * training.batchSize).toBe(200e6);
    const rate = experiment.get(RATE);
    expect(rate(Math.round(5e6 / 512))).toBeCloseTo(0.5e-3, 6);
    expect(rate(Math.round(10e6 / 512))).toBe(1e-3);
    expect(rate(training.steps! - 1)).toBe(1e-3);
  });

  it('forgets half of its average in half a million images', async () => {
    const { emaDecay, batchSize } = (await configOf(size)).training;
    expect(emaDecay ** (500_000 / batchSize)).toBeCloseTo(0.5, 12);
  });

  it('draws with 35 network calls from 80 to .002', async () => {
    const { nfe, levels } = (await composed(size)).get(PLAN);
    expect(nfe).toBe(35);
    expect([levels[0], levels.at(-2), levels.at(-1)].map((x) => Number(x!.toPrecision(6)))).toEqual([80, 0.002, 0]);
  });
});
