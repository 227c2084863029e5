import { readFile } from 'node:fs/promises';
import { createProvided } from '@tweedie/core';
import { build } from 'vite';
import { describe, expect, it } from 'vitest';
import plugin from './index.ts';
import { complaintOf } from './writers.fixture.ts';

const propertiesOf = (provision: (typeof plugin.provides)[number]): Record<string, { description?: string }> =>
  (provision.options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as { properties: Record<string, { description?: string }> })
    .properties;

describe('the plugin', () => {
  it('provides the data sets by their names', async () => {
    expect(plugin.provides.map(({ kind, name }) => `${kind} ${name}`)).toEqual(
      ['mnist', 'cifar10', 'fashion-mnist', 'folder', 'npz', 'checkerboard', 'swiss-roll', 'rings', 'eight-gaussians'].map(
        (name) => `data ${name}`,
      ),
    );
    const { name, version, keywords } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      name: string;
      version: string;
      keywords: string[];
    };
    expect(plugin).toMatchObject({ name, version });
    expect(keywords).toContain('tweedie-plugin');
  });

  it('describes every option, in its schema and in the README', async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    for (const provision of plugin.provides) {
      expect(readme).toContain(`\`${provision.name}\``);
      for (const [key, { description }] of Object.entries(propertiesOf(provision))) {
        expect(description, `${provision.name}.${key}`).toBeTruthy();
        expect(readme).toContain(`\`${key}\``);
      }
    }
  });

  it('makes a data set from options, and refuses others by key', async () => {
    const of = (name: string): (typeof plugin.provides)[number] => plugin.provides.find((each) => each.name === name)!;
    expect(await createProvided<'data'>(of('rings'), { size: 10, seed: 7 })).toMatchObject({
      id: 'rings@seed=7,n=10',
      size: 10,
      classes: 4,
    });
    expect(await createProvided<'data'>(of('swiss-roll'), undefined)).toMatchObject({ size: 2 ** 20 });
    expect(await complaintOf(() => createProvided(of('rings'), { size: 'many' }))).toMatch(/size: .*\(got "many"\)/);
    expect(await complaintOf(() => createProvided(of('mnist'), { split: 'validation' }))).toMatch(
      /split: .*"train"\|"test".*\(got "validation"\)/,
    );
    expect(await complaintOf(() => createProvided(of('mnist'), { spilt: 'test' }))).toMatch(/spilt.*the options are split, cache, fetch/);
    expect(await complaintOf(() => createProvided(of('folder'), {}))).toMatch(/path: /);
    expect(await complaintOf(() => createProvided(of('folder'), { path: '/none', size: 28 }))).toMatch(/there is no such folder/);
  });
});

describe('@tweedie/data/toys', () => {
  it('bundles for a browser without any node: module', async () => {
    const result = await build({
      logLevel: 'silent',
      configFile: false,
      resolve: { conditions: ['@tweedie/source', 'browser', 'module', 'import'] },
      build: {
        write: false,
        minify: false,
        lib: { entry: new URL('./toys.ts', import.meta.url).pathname, formats: ['es'] },
        rolldownOptions: { external: ['@tensorflow/tfjs-core'] },
      },
    });
    const [{ output }] = result as unknown as [{ output: { code: string; imports: string[] }[] }];
    expect(output[0]!.imports).toEqual(['@tensorflow/tfjs-core']);
    expect(output[0]!.code).toContain('eight-gaussians');
    expect(output[0]!.code).not.toMatch(/['"]node:|__vite-browser-external/);
  });
});
