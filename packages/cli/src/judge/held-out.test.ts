import { describe, expect, it } from 'vitest';
import { heldOut } from './held-out.ts';

describe('what a run is held against', () => {
  const of = (data: Parameters<typeof heldOut>[0], exact?: Parameters<typeof heldOut>[1]): ReturnType<typeof heldOut> =>
    heldOut(data, exact, process.cwd());

  it('is the test split, without the mirror images that it learnt from', async () => {
    expect(await of({ use: 'mnist', split: 'train' })).toEqual({ use: 'mnist', split: 'test' });
    expect(await of({ use: 'cifar10', split: 'train', flip: true })).toEqual({ use: 'cifar10', split: 'test', flip: false });
  });

  it('is what the user says, where they say it', async () => {
    const exact = { use: 'cifar10', split: 'train', flip: true };
    expect(await of(exact, exact)).toEqual(exact);
    expect(await of({ use: 'cifar10', split: 'train', flip: true }, { use: 'cifar10', split: 'train' })).toMatchObject({
      split: 'train',
      flip: false,
    });
  });

  it('is fresh points, where there are no splits', async () => {
    expect(await of({ use: 'rings', seed: 3, size: 10_000 })).toEqual({ use: 'rings', seed: 4, size: 4096 });
  });
});
