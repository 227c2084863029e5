import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { plantBrokenPlugins } from './broken-plugins.ts';

/** A stranger's plugin beside the published packages: what it can do by code. */
const project = inject('project');

/** Runs a module in the user's project. It prints one line of JSON. */
const run = (code: string): { readonly out: unknown; readonly err: string } => {
  const file = join(project, 'script.mjs');
  writeFileSync(file, code);
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], { cwd: project, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return { out: JSON.parse(stdout.trim().split('\n').at(-1)!) as unknown, err: stderr };
};

describe('a plugin that npm installed', () => {
  it('stands beside one core and one tfjs-core', () => {
    for (const name of ['@tweedie/core', '@tensorflow/tfjs-core']) {
      const found = spawnSync('find', ['node_modules', '-type', 'd', '-path', `*node_modules/${name}`], { cwd: project, encoding: 'utf8' })
        .stdout.trim()
        .split('\n');
      expect(found).toEqual([`node_modules/${name}`]);
    }
  });

  it('passes its own tests, the conformance kit among them', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(project, 'node_modules/vitest/vitest.mjs'), 'run'], {
      cwd: project,
      encoding: 'utf8',
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        VITEST: '',
        VITEST_POOL_ID: '',
        VITEST_WORKER_ID: '',
        NO_COLOR: '1',
        FORCE_COLOR: undefined,
      },
    });
    expect(`${stdout}${stderr}`).toMatch(/Tests\s+\d+ passed \(\d+\)/);
    expect(status).toBe(0);
  });

  it('is composed by name: its sampler, its objective and its metric come out of the container', () => {
    const { out } = run(`
      import { mul, tensor } from '@tensorflow/tfjs-core';
      import { selectEngine } from '@tweedie/backend';
      import { createNoise, createProvided, edm, karras, sample } from '@tweedie/core';
      import { resolveMethod } from '@tweedie/core/node';
      import { compose, LEVELS, METRICS, OBJECTIVE, PLAN, SAMPLER, SCHEDULE, value } from '@tweedie/core/container';

      await selectEngine({ engine: 'cpu' });
      const make = async (kind, use, options) => createProvided((await resolveMethod(kind, use)).provision, options);
      const experiment = compose(
        value(SCHEDULE, edm()),
        value(LEVELS, karras({ steps: 4, max: 10, min: 0.5 })),
        value(SAMPLER, await make('sampler', 'tweedie-plugin-example#gaussian-euler', { spread: 1 })),
        value(OBJECTIVE, await make('objective', 'tweedie-plugin-example', { min: 0.1, max: 10 })),
        value(METRICS, [await make('metric', 'tweedie-plugin-example#mean-shift', {})]),
      );
      // E[x0 | y] = y/(1 + ρ²) for a standard normal: the sampler is exact, y ∝ √(1 + ρ²).
      const denoise = (y, rho) => mul(y, 1 / (1 + rho ** 2));
      const noise = createNoise(5n);
      let drawn;
      for await (const event of sample({ sampler: experiment.get(SAMPLER), plan: experiment.get(PLAN), denoise, shape: [1], count: 3, noise })) {
        if (event.kind === 'images') drawn = Array.from(await event.images.data());
      }
      const z = Array.from(noise.hostNormal([3, 1], { stream: 6 }));
      const reference = { id: 'zeros', shape: [1], classes: 0, size: 2, rows: () => ({ images: new Float32Array(2) }) };
      const judge = await experiment.get(METRICS)[0].start({ reference, seed: 0n });
      const images = tensor([3, 5], [2, 1]);
      await judge.add({ images, first: 0 });
      console.log(JSON.stringify({ drawn, exact: z.map((e) => 10 * e * Math.hypot(1, 0.5) / Math.hypot(1, 10)), objective: experiment.get(OBJECTIVE).name, shift: (await judge.result()).value }));
    `) as { out: { drawn: number[]; exact: number[]; objective: string; shift: number } };
    out.drawn.forEach((value, i) => expect(value).toBeCloseTo(out.exact[i]!, 5));
    expect(out.drawn).toHaveLength(3);
    expect(out.objective).toBe('log-uniform');
    expect(out.shift).toBeCloseTo(4, 6);
  });

  it('can be checked by TypeScript in a project that knows nothing of ours', () => {
    writeFileSync(
      join(project, 'use.ts'),
      "import { edm, karras, type Sampler } from '@tweedie/core';\nimport { heun } from '@tweedie/sampler-classic';\nconst sampler: Sampler = heun();\nexport const nfe: number | null = sampler.plan(edm(), karras({ steps: 3, max: 80, min: 0.002 })).nfe;\n",
    );
    const tsc = join(new URL('../../..', import.meta.url).pathname, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(
      process.execPath,
      [tsc, '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--skipLibCheck', 'use.ts'],
      { cwd: project, encoding: 'utf8' },
    );
    expect(stdout).toBe('');
  });
});

describe('a broken plugin is refused by name', () => {
  beforeAll(() => plantBrokenPlugins(project));

  const complaint = (use: string): string =>
    (
      run(`
        import { resolveMethod } from '@tweedie/core/node';
        const said = await resolveMethod('sampler', ${JSON.stringify(use)}).then(() => 'nothing', (error) => error.name + ': ' + error.message);
        console.log(JSON.stringify(said));
      `) as { out: string }
    ).out;

  it('of another api', () => {
    expect(complaint('tweedie-broken-api')).toMatch(
      /^TweedieError: \[tweedie-broken-api\].*got api 2, expected api 1; update @tweedie\/core/,
    );
  });
  it('whose peer is missing', () => {
    expect(complaint('tweedie-broken-peer')).toMatch(
      /^TweedieError: \[tweedie-broken-peer\].*tweedie-absent is not installed.*expected \^3\.0\.0; npm install/,
    );
  });
  it('whose peer is of another version', () => {
    expect(complaint('tweedie-broken-range')).toMatch(
      /^TweedieError: \[tweedie-broken-range\].*@tweedie\/core is of another version: got 0\..*expected >=7\.0\.0; npm install/,
    );
  });
  it('that is no plugin', () => {
    expect(complaint('tweedie-broken-shape')).toMatch(/^TweedieError: \[tweedie-broken-shape\] this package is no Tweedie plugin/);
  });
  it('that throws when it is imported', () => {
    expect(complaint('tweedie-broken-import')).toMatch(
      /^TweedieError: \[tweedie-broken-import\] the package throws when it is imported: got planted/,
    );
  });
  it('that is not installed', () => {
    expect(complaint('tweedie-absent')).toMatch(/^TweedieError: \[tweedie-absent\].*npm install tweedie-absent/);
  });
  it('that does not provide the method', () => {
    expect(complaint('tweedie-plugin-example#eular')).toMatch(
      /^TweedieError: .*provides no such sampler.*tweedie-plugin-example#gaussian-euler/,
    );
  });
});
