import { concat, memory, mul, reshape, sum, tensor, tensor4d, tidy, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import type { Denoiser } from '../contracts/model.ts';
import type { Sampler } from '../contracts/sampler.ts';
import { createNoise } from '../noise/noise.ts';
import { edm } from '../process/edm.ts';
import { karras } from '../process/levels.ts';
import { sample } from '../run/sample.ts';
import { guided } from './guided.ts';
import { inpainted } from './inpainted.ts';
import { linearSampler } from './linear.ts';

const facts = { stochastic: false, reachesZero: true, batchCoupled: false, likelihood: false, guidance: true, inpainting: true };
const euler: Sampler = linearSampler({
  name: 'euler',
  facts,
  reference: '',
  coefficients: (_, levels) => ({
    steps: Array.from({ length: levels.length - 1 }, (_, i) => {
      const keep = levels[i + 1]! / levels[i]!;
      return { keep, model: [1 - keep] };
    }),
  }),
});

/** Independent pixels of variance ¼, mean 0: what one pixel is says nothing of another. */
const independent: Denoiser = (y, rho) => mul(y, 0.25 / (0.25 + (rho as number) ** 2));
const shape = [2, 3, 2];
const known = tensor4d(
  Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
  [1, 2, 3, 2],
);
const maskOf = (values: number[]): Tensor => tensor(values, [1, 2, 3, 1]);

const draw = async (denoise: Denoiser, count = 5): Promise<Float32Array> => {
  const plan = euler.plan(edm(), karras({ steps: 8, max: 80, min: 0.002, zero: true }));
  const values: number[] = [];
  for await (const event of sample({ sampler: euler, plan, denoise, shape, count, noise: createNoise(4) }))
    if (event.kind === 'images') values.push(...(await event.images.data()));
  return Float32Array.from(values);
};

it('is the known image where all is known, and the bare denoiser to the bit where nothing is', async () => {
  const [all, none] = [maskOf([1, 1, 1, 1, 1, 1]), maskOf([0, 0, 0, 0, 0, 0])];
  const before = memory().numTensors;
  const image = await known.data();
  (await draw(inpainted(independent, { known, mask: all }))).forEach((v, at) => expect(v).toBeCloseTo(image[at % 12]!, 6));
  expect(await draw(inpainted(independent, { known, mask: none }))).toEqual(await draw(independent));
  expect(memory().numTensors).toBe(before);
  [all, none].forEach((each) => each.dispose());
});

it('draws the rest from its conditional: of independent pixels, as if nothing were known', async () => {
  const pattern = [1, 0, 0, 1, 1, 0];
  const mask = maskOf(pattern);
  const [image, bare, filled] = [await known.data(), await draw(independent), await draw(inpainted(independent, { known, mask }))];
  filled.forEach((v, at) => {
    if (pattern[Math.floor((at % 12) / 2)] === 1) expect(v).toBe(image[at % 12]!);
    else expect(v).toBe(bare[at]!);
  });
  mask.dispose();
});

it('never reads the unknown part of the known image', async () => {
  const holes = tensor4d([NaN, NaN, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 2, 3, 2]);
  const mask = maskOf([0, 1, 1, 1, 1, 1]);
  expect((await draw(inpainted(independent, { known: holes, mask }))).every(Number.isFinite)).toBe(true);
  [holes, mask].forEach((each) => each.dispose());
});

it('goes with guidance, either around the other where one image serves all rows', async () => {
  const mask = maskOf([1, 0, 1, 0, 1, 0]);
  const [y, label] = [mul(known, 3), tensor([[1, 0]]) as Tensor2D];
  const towards: Denoiser = (at, _, hot) => tidy(() => mul(at, reshape(sum(hot!, 1), [-1, 1, 1, 1])));
  const before = memory().numTensors;
  const [inside, outside] = [
    await inpainted(guided(towards, { scale: 2 }), { known, mask })(y, 1, label),
    await guided(inpainted(towards, { known, mask }), { scale: 2 })(y, 1, label),
  ];
  const [a, b, image] = [await inside.data(), await outside.data(), await known.data()];
  a.forEach((v, at) => expect(v).toBeCloseTo((Math.floor(at / 2) % 2 === 0 ? 1 : 6) * image[at]!, 5));
  expect(b).toEqual(a);
  [inside, outside].forEach((each) => each.dispose());
  expect(memory().numTensors).toBe(before);
  [mask, y, label].forEach((each) => each.dispose());
});

it('refuses what does not fit, by name, and leaves nothing behind', async () => {
  const [mask, grey, flat, two] = [maskOf([1, 0, 1, 0, 1, 0]), maskOf([0.5, 0, 1, 0, 1, 0]), tensor([1, 0]), concat([known, known])];
  const y = concat([known, known, known]);
  const before = memory().numTensors;
  const at = (parts: { known: Tensor; mask: Tensor }): Promise<Tensor> => Promise.resolve(inpainted(independent, parts)(y, 1));
  await expect(at({ known, mask: flat })).rejects.toThrow(
    /\[inpainting\] mask does not fit the images: got \[2\], expected \[3, 2, 3, 2\]/,
  );
  await expect(at({ known: two, mask })).rejects.toThrow(/known does not fit the images.*one row a row of the batch/);
  await expect(at({ known, mask: grey })).rejects.toThrow(/the mask is no mask: got 0.5/);
  const failing = inpainted(() => Promise.reject(new Error('planted')), { known, mask });
  await expect(failing(y, 1)).rejects.toThrow('planted');
  expect(memory().numTensors).toBe(before);
  [mask, grey, flat, two, y].forEach((each) => each.dispose());
});
