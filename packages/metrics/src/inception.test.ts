import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory, tensor4d, type Tensor2D, type Tensor4D } from '@tensorflow/tfjs-core';
import { decodeSafetensors, type Extractor } from '@tweedie/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { picture } from '../test/inception/hashed.ts';
import { hashedState, legacyFile, names } from '../test/inception/state.ts';
import { convolutionsOf, INCEPTION, inceptionShapes } from './inception-graph.ts';
import { inception, inceptionId } from './inception.ts';
import { loadInception } from './node.ts';
import type { Resize } from './resize.ts';

/** Answers of torchvision's network, changed into the graph of 2015-12-05: test/inception/inception.py. */
const golden = decodeSafetensors(
  new Uint8Array(readFileSync(new URL('../test/inception/inception.safetensors', import.meta.url))),
  'golden',
).tensors;

/** Two images in [−1, 1]: some other, then the one of the reference. */
const images = (height: number, width: number, channels: number, number: number): Tensor4D => {
  const bytes = [...picture(height, width, channels, 7), ...picture(height, width, channels, number)];
  return tensor4d(
    bytes.map((byte) => byte / 127.5 - 1),
    [2, height, width, channels],
  );
};

/** ‖got − want‖/‖want‖ of the second image. Frees `got`. */
const differs = async (got: Tensor2D, key: string): Promise<number> => {
  const [rows, width] = got.shape;
  const values = (await got.data<'float32'>()).subarray(width);
  expect(rows).toBe(2);
  got.dispose();
  const want = golden[key]!.data as Float32Array;
  expect(values).toHaveLength(want.length);
  return Math.sqrt(values.reduce((sum, v, i) => sum + (v - want[i]!) ** 2, 0) / want.reduce((sum, w) => sum + w ** 2, 0));
};

describe('the graph', () => {
  it('has the names and shapes of the state dict, all of them', () => {
    expect(inceptionShapes()).toEqual(names);
    expect(Object.keys(names)).toHaveLength(566);
    expect(Object.values(names).reduce((sum, shape) => sum + shape.reduce((product, n) => product * n, 1), 0)).toBe(23_885_486);
    expect(convolutionsOf(INCEPTION)).toHaveLength(94);
  });
});

describe('with weights that are no one’s', () => {
  let file: Uint8Array;
  const made: Partial<Record<Resize, Extractor>> = {};
  beforeAll(async () => {
    file = legacyFile(hashedState());
    made.tf1 = await inception(file);
    made.clean = await inception(file, { resize: 'clean' });
  });

  it.each([
    ['tf1', 32, 32, 3, 0],
    ['clean', 28, 28, 1, 1],
  ] as const)('features and logits are those of the reference, resized the %s way', async (resize, height, width, channels, number) => {
    const seen = images(height, width, channels, number);
    const before = memory().numTensors;
    const features = await made[resize]!.features(seen);
    expect(features.shape).toEqual([2, 2048]);
    expect(await differs(features, `${resize}.features`)).toBeLessThan(1e-5);
    expect(await differs(await made[resize]!.logits!(seen), `${resize}.logits`)).toBeLessThan(1e-5);
    expect(memory().numTensors).toBe(before);
    seen.dispose();
  });

  it('is called FID by no option: the name follows the bytes', () => {
    expect(made.tf1!.id).toMatch(/^inception-[0-9a-f]{8}$/);
    expect(made.clean!.id).toBe(`${made.tf1!.id}-clean`);
    expect(made.tf1!.id).not.toContain('fid');
    expect(inceptionId('6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2', 'tf1')).toBe('fid-inception-6726825d');
    expect(inceptionId('6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2', 'clean')).toBe('fid-inception-6726825d-clean');
    expect(inceptionId(`6726825d${'0'.repeat(56)}`, 'tf1')).toBe('inception-6726825d');
  });

  it('refuses what are no pictures', async () => {
    const strange = tensor4d(new Float32Array(32), [1, 4, 4, 2]);
    const before = memory().numTensors;
    await expect(made.tf1!.features(strange)).rejects.toThrow(/no pictures: got \[1,4,4,2\]/);
    expect(memory().numTensors).toBe(before);
    strange.dispose();
  });
});

describe('loadInception', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'tweedie-'))));
  afterAll(() => rm(folder, { recursive: true }));
  const load = async (bytes: Uint8Array): Promise<Extractor> => {
    await writeFile(join(folder, 'weights.pth'), bytes);
    return loadInception(join(folder, 'weights.pth'));
  };
  const other = { 'conv.weight': [2, 1, 1, 1] };

  it.each([
    [
      'another network',
      legacyFile({ 'conv.weight': new Float32Array(2) }, other),
      /"Conv2d_1a_3x3\.conv\.weight" is missing: the file is of another network/,
    ],
    [
      'a download cut short',
      legacyFile({ 'conv.weight': new Float32Array(2) }, other).slice(0, -3),
      /ends too early.*got \d+ bytes, expected 95628359/,
    ],
    [
      'a TorchScript archive',
      new Uint8Array(readFileSync(new URL('../../core/test/torch/script.pt', import.meta.url))),
      /TorchScript.*use pt_inception-2015-12-05-6726825d\.pth/,
    ],
    ['a page of HTML', new TextEncoder().encode('<html>404</html>'), /no file of torch\.save/],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(load(bytes)).rejects.toThrow(message);
  });

  it('refuses a file that is not there, and a way of resizing that is none', async () => {
    await expect(loadInception(join(folder, 'none.pth'))).rejects.toThrow(/cannot be read.*95628359 bytes/);
    await expect(inception(new Uint8Array(0), { resize: 'half' as Resize })).rejects.toThrow(/no such way of resizing/);
  });
});
