import { readFile } from 'node:fs/promises';
import { cifar10, mnist } from '@tweedie/data';
import { expect, it } from 'vitest';
import { distances } from '../recipes/distances.ts';
import { accuracyOf } from '../recipes/train-classifier.ts';
import { CIFARNET } from '../src/cifarnet.ts';
import { MNISTNET } from '../src/mnistnet.ts';
import { loadCifarnet } from '../src/node.ts';

it.each([
  [MNISTNET, mnist],
  [CIFARNET, cifar10],
])('the weights are as right on the test split as their log says', async (spec, data) => {
  const read = (ending: string): Promise<Buffer> => readFile(new URL(`../weights/${spec.name}.${ending}`, import.meta.url));
  const logged = JSON.parse(
    String(await read('log.jsonl'))
      .trim()
      .split('\n')
      .at(-1)!,
  ) as { judgedOn: string; accuracy: number };
  const test = await data({ split: 'test', fetch: true });
  expect(test.id).toBe(logged.judgedOn);
  expect(Math.abs((await accuracyOf(spec, await read('safetensors'), test)) - logged.accuracy)).toBeLessThan(0.001);
});

it('the Fréchet distance on the features of cifarnet grows with noise and blur, and sees classes that are missing', async () => {
  const rows = await distances(await loadCifarnet(), await cifar10({ split: 'test', fetch: true }));
  const ratios = (name: string): number[] => rows.filter(({ change }) => change.startsWith(name)).map(({ ratio }) => ratio);
  for (const name of ['noise', 'blur']) {
    const climbing = [1, ...ratios(name)];
    for (let i = 1; i < climbing.length; i++) expect(climbing[i], name).toBeGreaterThan(1.2 * climbing[i - 1]!);
  }
  for (const name of ['8 × 8', 'half', 'blends']) expect(ratios(name)[0], name).toBeGreaterThan(5);
});
