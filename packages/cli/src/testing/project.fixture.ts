import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { main } from '../program.ts';

/** A user's project in a folder of its own, with a stranger's plugin installed. */
export interface Project {
  readonly folder: string;
  readonly at: (...path: string[]) => string;
  /** Runs the command in this process. */
  readonly tweedie: (...argv: string[]) => Promise<Ran>;
  readonly remove: () => Promise<void>;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The one JSON object of stdout. */
  readonly json: () => Record<string, unknown>;
}

export const makeProject = async ({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Project> => {
  const folder = await mkdtemp(join(tmpdir(), 'tweedie-cli-'));
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, '@tensorflow'), { recursive: true });
  const require = createRequire(import.meta.url);
  const link = (name: string): Promise<void> => symlink(dirname(require.resolve(`${name}/package.json`)), join(modules, name));
  await Promise.all([link('@tensorflow/tfjs-core'), link('zod')]);
  await stranger(modules, 'tweedie-foo', FOO);
  await stranger(modules, 'tweedie-old', "export default { kind: 'plugin', name: 'tweedie-old', version: '1.0.0', api: 0, provides: [] };");
  await stranger(modules, 'tweedie-throws', "throw new Error('boom');");
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'somebody', type: 'module' }));
  return {
    folder,
    at: (...path) => join(folder, ...path),
    tweedie: async (...argv) => {
      let [stdout, stderr] = ['', ''];
      const code = await main(argv, {
        stdout: (text) => {
          stdout += text;
        },
        stderr: (text) => {
          stderr += text;
        },
        cwd: folder,
        interactive: false,
        ...(signal === undefined ? {} : { signal }),
      });
      return { code, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};

const stranger = async (modules: string, name: string, source: string): Promise<void> => {
  await mkdir(join(modules, name));
  await writeFile(
    join(modules, name, 'package.json'),
    JSON.stringify({ name, version: '1.2.3', type: 'module', exports: './index.mjs', keywords: ['tweedie-plugin'] }),
  );
  await writeFile(join(modules, name, 'index.mjs'), source);
};

/** An objective that can be told to fail, a sampler, and statistics, by somebody who does not know this repository. */
const FOO = `
import { mean, square, sub, add, mul, tensor } from '@tensorflow/tfjs-core';
import { z } from 'zod';
const options = z.strictObject({
  level: z.number().positive().default(0.5).describe('the one noise level that it trains at'),
  failAt: z.int().optional().describe('step whose loss is not finite'),
  mode: z.enum(['plain', 'fancy']).default('plain').describe('how it is done'),
  note: z.string().default('').describe('free text'),
});
const objective = ({ level, failAt }) => Object.freeze({
  kind: 'objective', api: 1, name: 'foo', needs: { derivatives: 1, kernel: true }, reference: '@misc{foo}',
  loss: (model, { x0, label, step }, noise) => {
    const z = noise.normal(x0.shape, { stream: 1024, step });
    const y = add(x0, mul(z, level));
    const loss = mean(square(sub(model.denoise(y, level, label), x0)));
    return step === failAt ? mul(loss, NaN) : loss;
  },
});
const sampler = () => Object.freeze({
  kind: 'sampler', api: 1, name: 'one-shot', reference: '@misc{foo}',
  facts: { stochastic: false, reachesZero: true, batchCoupled: false, likelihood: false, guidance: true, inpainting: false },
  plan: (schedule, levels) => ({ sampler: 'one-shot', schedule, levels, nfe: 1, steps: [{ a: 1 }], notes: ['one step is all it does'] }),
  async *steps(denoise, y, plan) {
    const x0 = await denoise(y, plan.levels[0]);
    yield { i: 0, rho: plan.levels[0], y, x0 };
    return x0;
  },
});
const statistics = {
  kind: 'foo-mean', summary: 'mean of the data', needs: 'data',
  estimate: async ({ dataset, n = 100 }) => {
    const { images } = dataset.rows(Int32Array.from({ length: n }, (_, i) => i));
    const size = images.length / n;
    const data = new Float64Array(size);
    images.forEach((x, i) => { data[i % size] += x / n; });
    return { header: { n }, tensors: { mean: { shape: [size], data } } };
  },
};
export default {
  kind: 'plugin', name: 'tweedie-foo', version: '1.2.3', api: 1,
  provides: [
    { kind: 'objective', name: 'foo', summary: 'an objective of somebody else', options, create: objective },
    { kind: 'sampler', name: 'one-shot', summary: 'a sampler of somebody else', options: z.strictObject({}), create: sampler, statistics },
  ],
};
`;

/** A run that takes about a second: a small perceptron on points. */
export const TINY = [
  '--data',
  'swiss-roll',
  '--network',
  'mlp',
  '--network.width',
  '16',
  '--network.depth',
  '1',
  '--batch-size',
  '16',
  '--steps',
  '12',
  '--levels.steps',
  '4',
] as const;
