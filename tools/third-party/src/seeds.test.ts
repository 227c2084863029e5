import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { install, npm } from './npm.ts';

/** Each seed alone in an empty project: found by name, composed, true to a formula; and refused beside another core. */
interface Seed {
  readonly kind: 'objective' | 'sampler';
  /** Its name in a configuration. */
  readonly name: string;
  /** What a user's module computes with it: prints { name, got, exact }, two lists of numbers. */
  readonly program: string;
}

/**
 * A linear network F(x) = x W under the head ε, composed with an objective, and what float64 makes of its loss on two batches:
 *
 *     L = mean ½ ‖ε̂ − ε‖² + extra,   ∂L/∂W = mean xᵀ(ε̂ − ε),   ε̂ = x W,   x = (x₀ + ρ z)/√(1 + ρ²)
 *
 * `exact(row, z, y, ρ, points)` says what ε and the extra of a row are; `cases` how many rows and how many reference points there are.
 */
const objective = (name: string, cases: readonly (readonly [rows: number, points: number])[], exact: string): string => `
  import { matMul, tensor, variable, variableGrads } from '@tensorflow/tfjs-core';
  import { selectEngine } from '@tweedie/backend';
  import { createNoise, createProvided, edm, epsPreconditioner, STREAM } from '@tweedie/core';
  import { resolveMethod } from '@tweedie/core/node';
  import { compose, LOSS, NETWORK, OBJECTIVE, PRECONDITIONER, SCHEDULE, value } from '@tweedie/core/container';

  await selectEngine({ engine: 'cpu' });
  const { provision } = await resolveMethod('objective', '${name}');
  const linear = {
    kind: 'network', api: 1, name: 'linear', config: {}, shape: [2], classes: 0, doubleDifferentiable: true,
    parameters: [{ name: 'W', shape: [2, 2] }], init: () => ({ W: new Float32Array(4) }), apply: ({ W }, x) => matMul(x, W),
  };
  const [min, max, step] = [0.05, 5, 3];
  const experiment = compose(
    value(OBJECTIVE, await createProvided(provision, { law: 've', sigmaMin: min, sigmaMax: max })),
    value(NETWORK, linear),
    value(SCHEDULE, edm()),
    value(PRECONDITIONER, epsPreconditioner()),
  );
  const exact = ${exact};
  const W = [0.3, -0.2, 0.5, 0.9];
  const noise = createNoise(7n);
  const answer = { name: experiment.get(OBJECTIVE).name, got: [], exact: [] };
  for (const [rows, count] of ${JSON.stringify(cases)}) {
    const points = Array.from({ length: count }, (_, k) => [Math.sin(k + 1), Math.cos(2 * k)]);
    const weights = { W: variable(tensor(W, [2, 2])) };
    const batch = { x0: tensor(points.slice(0, rows)), reference: tensor(points), step };
    const { value: loss, grads } = variableGrads(() => experiment.get(LOSS)(weights, batch, noise), [weights.W]);
    answer.got.push(...(await loss.data()), ...(await grads[weights.W.name].data()));

    const u = noise.hostUniform([rows], { stream: STREAM.time, step });
    const normal = noise.hostNormal([rows, 2], { stream: STREAM.perturb, step });
    const sums = [0, 0, 0, 0, 0];
    for (let i = 0; i < rows; i++) {
      const rho = min * (max / min) ** u[i];
      const z = [normal[2 * i], normal[2 * i + 1]];
      const y = points[i].map((x0, c) => x0 + rho * z[c]);
      const x = y.map((each) => each / Math.hypot(1, rho));
      const { eps, extra } = exact({ z, y, rho, points });
      const residual = eps.map((each, c) => x[0] * W[c] + x[1] * W[2 + c] - each);
      sums[0] += (residual[0] ** 2 + residual[1] ** 2) / 2 + extra;
      for (const [k, [a, b]] of [[0, 0], [0, 1], [1, 0], [1, 1]].entries()) sums[1 + k] += x[a] * residual[b];
    }
    answer.exact.push(...sums.map((sum) => sum / rows));
  }
  console.log(JSON.stringify(answer));
`;

/**
 * A denoiser of independent Gaussian coordinates, D = λ/(λ + ρ²) y, composed with a sampler and drawn from its own noise. `exact` says in
 * float64 where a coordinate ends that began at y, the prior's, with its variance λ, over these levels; `drawn` is its noise of a step.
 */
const sampler = (name: string, options: string, exact: string): string => `
  import { tensor } from '@tensorflow/tfjs-core';
  import { selectEngine } from '@tweedie/backend';
  import { createNoise, createProvided, edm, karras, sample, STREAM } from '@tweedie/core';
  import { resolveMethod } from '@tweedie/core/node';
  import { compose, LEVELS, NOISE, PLAN, SAMPLER, SCHEDULE, value } from '@tweedie/core/container';

  await selectEngine({ engine: 'cpu' });
  const { provision } = await resolveMethod('sampler', '${name}');
  const experiment = compose(
    value(SAMPLER, await createProvided(provision, ${options})),
    value(SCHEDULE, edm()),
    value(LEVELS, karras({ steps: 6, max: 20, min: 0.1 })),
    value(NOISE, createNoise(7n)),
  );
  const exact = ${exact};
  const [rows, variances] = [3, [0.25, 0.25]];
  const denoise = async (y, rho) =>
    tensor((await y.data()).map((each, k) => (variances[k % 2] * each) / (variances[k % 2] + rho ** 2)), y.shape);
  const [plan, noise] = [experiment.get(PLAN), experiment.get(NOISE)];
  const answer = { name: experiment.get(SAMPLER).name, got: [], exact: [] };
  const drawn = sample({ sampler: experiment.get(SAMPLER), plan, denoise, noise, shape: [2], count: rows, batchSize: 2 });
  for await (const event of drawn) if (event.kind === 'images') answer.got.push(...(await event.images.data()));
  const prior = noise.hostNormal([rows, 2], { stream: STREAM.prior });
  answer.exact.push(...prior.map((z, k) => exact({ y: plan.levels[0] * z, variance: variances[k % 2], levels: plan.levels, drawn: (step) => noise.hostNormal([rows, 2], { stream: STREAM.sampler, step })[k] })));
  console.log(JSON.stringify(answer));
`;

const seeds: Readonly<Record<string, Seed>> = {
  // Denoising score matching less ½ ‖z‖², of the same gradient.
  '@tweedie/objective-lcss': {
    kind: 'objective',
    name: 'lcss',
    program: objective(
      'lcss',
      [
        [1, 1],
        [5, 5],
      ],
      '({ z }) => ({ eps: z, extra: -(z[0] ** 2 + z[1] ** 2) / 2 })',
    ),
  },
  // Denoising score matching where the reference is the one row; else towards ε̄ = (y − x̄)/ρ.
  '@tweedie/objective-stf': {
    kind: 'objective',
    name: 'stf',
    program: objective(
      'stf',
      [
        [1, 1],
        [3, 7],
      ],
      `({ z, y, rho, points }) => {
        if (points.length === 1) return { eps: z, extra: 0 };
        const w = points.map((p) => Math.exp(-((y[0] - p[0]) ** 2 + (y[1] - p[1]) ** 2) / (2 * rho ** 2)));
        const total = w.reduce((a, b) => a + b);
        return { eps: y.map((each, c) => (each - points.reduce((sum, p, k) => sum + w[k] * p[c], 0) / total) / rho), extra: 0 };
      }`,
    ),
  },
  // Exact on isotropic Gaussian data of the deviation that it is told, in any number of steps.
  '@tweedie/sampler-deis-sn': {
    kind: 'sampler',
    name: 'deis-sn',
    program: sampler(
      'deis-sn',
      '{ sigmaData: 0.5 }',
      '({ y, variance, levels }) => y * Math.sqrt((variance + levels.at(-1) ** 2) / (variance + levels[0] ** 2))',
    ),
  },
  // Without a filter the reverse diffusion of score_sde, with the noise that the seed gives.
  '@tweedie/sampler-pds': {
    kind: 'sampler',
    name: 'pds',
    program: sampler(
      'pds',
      '{ correctorSteps: 0 }',
      `({ y, variance, levels, drawn }) =>
        levels.slice(1).reduce((at, to, i) => {
          const [own, last] = [levels[i] ** 2, i + 2 === levels.length];
          const score = -at / (variance + own);
          return at + (own - to ** 2) * score + (last ? 0 : Math.sqrt(own - to ** 2) * drawn(i));
        }, y)`,
    ),
  },
  // Exact on Gaussian data of the deviation that it is told, from 20 to 5, and in front of a stranger's Euler from there.
  '@tweedie/sampler-teleport': {
    kind: 'sampler',
    name: 'teleport',
    program: sampler(
      'teleport',
      `{
        skipTo: 5, sigmaData: 0.5,
        then: {
          kind: 'sampler', api: 1, name: 'strange', reference: '@misc{s, title = {S}, year = {2026}}',
          facts: { stochastic: false, reachesZero: false, batchCoupled: false, likelihood: false, guidance: true, inpainting: true },
          plan: (schedule, levels) => ({ sampler: 'strange', schedule, levels, nfe: levels.length - 1, steps: [], notes: [] }),
          async *steps(denoise, y, { levels }) {
            for (let i = 0; i + 1 < levels.length; i++) {
              const x0 = await denoise(y, levels[i]);
              yield { i, rho: levels[i], y, x0 };
              const [from, to] = [await y.data(), await x0.data()];
              y = tensor(from.map((each, k) => to[k] + (levels[i + 1] / levels[i]) * (each - to[k])), y.shape);
            }
            return y;
          },
        },
      }`,
      `({ y, variance, levels }) => {
        const prior = (20 / levels[0]) * y; // the prior is of the first level, before the flow
        const start = prior * Math.sqrt((variance + levels[0] ** 2) / (variance + 20 ** 2));
        return levels.slice(1).reduce((at, to, i) => {
          const x0 = (variance * at) / (variance + levels[i] ** 2);
          return x0 + (to / levels[i]) * (at - x0);
        }, start);
      }`,
    ),
  },
};

/** The five; those that are not among the packages yet are not tested. */
const SEEDS = ['objective-lcss', 'objective-stf', 'sampler-deis-sn', 'sampler-pds', 'sampler-teleport'].map((each) => `@tweedie/${each}`);

const scratch = inject('scratch');
const tarballs = inject('tarballs');

interface Manifest {
  version: string;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}
const read = (file: string): Manifest => JSON.parse(readFileSync(file, 'utf8')) as Manifest;
const write = (file: string, manifest: object): void => writeFileSync(file, JSON.stringify(manifest));

/** What a package of ours needs of ours, itself included. */
const needs = (name: string): string[] => {
  const { dependencies, peerDependencies } = read(join(inject('project'), 'node_modules', name, 'package.json'));
  const ours = Object.keys({ ...dependencies, ...peerDependencies }).filter((each) => each.startsWith('@tweedie/'));
  return [...new Set([name, ...ours.flatMap(needs)])].toSorted();
};

const emptyProject = (name: string, dependencies: Readonly<Record<string, string>>): string => {
  const folder = join(scratch, name);
  mkdirSync(folder, { recursive: true });
  write(join(folder, 'package.json'), {
    private: true,
    type: 'module',
    dependencies: { '@tensorflow/tfjs-core': '^4.22.0', ...dependencies },
  });
  return folder;
};
const packed = (names: readonly string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, tarballs[name]!]));

/** Runs a module in a project; the one line of JSON that it prints. */
const run = async (folder: string, code: string): Promise<unknown> => {
  const file = join(folder, 'program.mjs');
  writeFileSync(file, code);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: folder });
  return JSON.parse(stdout) as unknown;
};

/** The same core under a version that no range of ours has. */
let wrongCore: string;
beforeAll(async () => {
  const folder = join(scratch, 'wrong-core');
  cpSync(join(inject('project'), 'node_modules/@tweedie/core'), folder, { recursive: true });
  write(join(folder, 'package.json'), { ...read(join(folder, 'package.json')), version: '7.0.0' });
  await npm(folder, 'pack', '--ignore-scripts', '--silent', '--pack-destination', scratch);
  wrongCore = `file:${join(scratch, 'tweedie-core-7.0.0.tgz')}`;
});

it('has a program for every seed among the packages', () => expect(Object.keys(seeds)).toEqual(SEEDS.filter((each) => each in tarballs)));

describe.each(Object.entries(seeds))('%s alone', (packageName, { kind, name, program }) => {
  let folder: string;
  const range = (): string => read(join(folder, 'node_modules', packageName, 'package.json')).peerDependencies?.['@tweedie/core'] ?? 'none';
  const resolution = (use: string): string => `
    import { resolveMethod } from '@tweedie/core/node';
    const said = await resolveMethod('${kind}', '${use}').then(({ plugin, provision }) => [plugin.name, provision.kind, provision.name], ({ name, complaint }) => ({ name, complaint }));
    console.log(JSON.stringify(said));
  `;

  beforeAll(async () => {
    folder = emptyProject(name, packed([...needs(packageName), '@tweedie/backend']));
    await install(folder);
  });

  it('brings nothing of ours but what it needs', () => {
    expect(readdirSync(join(folder, 'node_modules/@tweedie')).map((each) => `@tweedie/${each}`)).toEqual(
      [...needs(packageName), '@tweedie/backend'].toSorted(),
    );
    expect(needs(packageName)).toEqual(expect.arrayContaining([packageName, '@tweedie/core']));
  });

  it.each([name, packageName, `${packageName}#${name}`])('is found as %s', async (use) => {
    expect(await run(folder, resolution(use))).toEqual([packageName, kind, name]);
  });

  it('is composed by name, and agrees with float64', async () => {
    const said = (await run(folder, program)) as { name: string; got: number[]; exact: number[] };
    expect(said.name).toBe(name);
    expect(said.got.length).toBeGreaterThan(0);
    expect(said.got).toHaveLength(said.exact.length);
    said.got.forEach((value, i) => expect(value).toBeCloseTo(said.exact[i]!, 4));
  });

  it('is refused by npm beside another core', async () => {
    const ours = needs(packageName).filter((each) => each !== '@tweedie/core');
    const wrong = emptyProject(`${name}-wrong`, { '@tweedie/core': wrongCore, ...packed(ours) });
    const said = await npm(wrong, 'install', '--package-lock-only', '--prefer-offline', '--no-audit', '--no-fund').then(
      () => 'nothing',
      ({ stderr }: { stderr: string }) => stderr,
    );
    expect(said).toContain('ERESOLVE');
    expect(said).toContain(`peer @tweedie/core@"${range()}" from @tweedie/`);
  });

  describe('beside another core, where npm was told to install it all the same', () => {
    beforeAll(() => install(folder, '--legacy-peer-deps', wrongCore));

    it.each([name, packageName])('is refused as %s, with what to install', async (use) => {
      expect(read(join(folder, 'node_modules/@tweedie/core/package.json')).version).toBe('7.0.0');
      expect(await run(folder, resolution(use))).toEqual({
        name: 'TweedieError',
        complaint: {
          subject: packageName,
          problem: 'its peer @tweedie/core is of another version',
          got: '7.0.0',
          expected: range(),
          remedy: `npm install "@tweedie/core@${range()}"`,
        },
      });
    });

    it('is refused for its range alone: without one it is taken', async () => {
      const file = join(folder, 'node_modules', packageName, 'package.json');
      const { peerDependencies: _, ...rest } = read(file);
      write(file, rest);
      expect(await run(folder, resolution(name))).toEqual([packageName, kind, name]);
    });
  });
});
