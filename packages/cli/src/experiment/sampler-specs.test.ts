import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { samplerSpecs } from './sampler-specs.ts';

const cwd = tmpdir();

it('reads names, options in braces, methods within methods, and says them again', async () => {
  const specs = await samplerSpecs(
    `heun, unipc{order: 2} , teleport{then:unipc{order=2},skipTo:20, stats:stats/mnist.safetensors},tweedie-foo#one-shot{note:"a, b",list:[1,two,true],deep:{k:null}}, heun`,
    cwd,
  );
  expect(specs.map(({ config }) => config)).toEqual([
    { use: 'heun' },
    { use: 'unipc', order: 2 },
    { use: 'teleport', then: { use: 'unipc', order: 2 }, skipTo: 20, stats: 'stats/mnist.safetensors' },
    { use: 'tweedie-foo#one-shot', note: 'a, b', list: [1, 'two', true], deep: { k: null } },
  ]);
  const labels = specs.map(({ label }) => label);
  expect(labels[2]).toBe('teleport{then:unipc{order:2},skipTo:20,stats:stats/mnist.safetensors}');
  expect(await samplerSpecs(labels.join(', '), cwd)).toEqual(specs);
  expect(await samplerSpecs(`teleport{"then":"unipc","skipTo":20}`, cwd)).toMatchObject([{ label: 'teleport{then:unipc,skipTo:20}' }]);
});

it('reads files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'specs-'));
  await writeFile(join(folder, 'mine.json'), JSON.stringify(['euler', { use: 'unipc', order: 3 }]));
  await writeFile(join(folder, 'none.json'), JSON.stringify([{ order: 3 }]));
  expect((await samplerSpecs('euler, mine.json', folder)).map(({ label }) => label)).toEqual(['euler', 'unipc{order:3}']);
  await expect(samplerSpecs('none.json', folder)).rejects.toThrow(/\[none\.json\] this names no sampler: got \{"order":3\}/);
  await expect(samplerSpecs('gone.json', folder)).rejects.toThrow(/the file cannot be read/);
  await rm(folder, { recursive: true });
});

it.each([
  ['', /a sampler is missing at character 1/],
  ['heun,,euler', /a sampler is missing at character 6/],
  ['unipc{order:2', /a bracket is missing at character 14/],
  ['unipc{order}', /the value of order is missing at character 12/],
  ['unipc{order:2} heun', /this cannot be read at character 16/],
])('refuses %j', async (text, message) => {
  await expect(samplerSpecs(text, cwd)).rejects.toThrow(message);
});
