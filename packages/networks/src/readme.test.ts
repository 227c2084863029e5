import { readFileSync } from 'node:fs';
import { memory, tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { bindModel, createNoise, edm, edmPreconditioner } from '@tweedie/core';
import { expect, it } from 'vitest';
import plugin, { ddpmpp, digits, mlp } from './index.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const count = ({ parameters }: { parameters: readonly { shape: readonly number[]; trainable?: boolean }[] }): number =>
  parameters.filter(({ trainable }) => trainable !== false).reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);

it('names every option of every network, and their sizes', () => {
  for (const { options } of plugin.provides) {
    const { properties } = options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as { properties: object };
    for (const key of Object.keys(properties)) expect(readme).toContain(`\`${key}\``);
  }
  expect(readme).toContain(count(digits()).toLocaleString('en').replaceAll(',', ' '));
  expect(readme).toContain(`${(count(mlp({ shape: [2] })) / 1e6).toFixed(2)} M`);
  expect(readme).toContain(
    count(ddpmpp({ shape: [32, 32, 3], augmentDim: 9 }))
      .toLocaleString('en')
      .replaceAll(',', ' '),
  );
});

it('its example runs', async () => {
  const before = memory().numTensors;
  const network = digits({ classes: 10 });
  const start = network.init(createNoise(1));
  const weights = Object.fromEntries(network.parameters.map(({ name, shape }) => [name, tensor(start[name]!, [...shape])]));
  const model = bindModel({ network, weights, schedule: edm(), preconditioner: edmPreconditioner({ sigmaData: 0.6 }) });
  const x0 = tidy(() => model.denoise(zeros([4, 28, 28, 1]), 1.5));
  expect(x0.shape).toEqual([4, 28, 28, 1]);
  expect((await x0.data()).every(Number.isFinite)).toBe(true);
  for (const t of [x0, ...Object.values(weights)]) t.dispose();
  expect(memory().numTensors).toBe(before);
});
