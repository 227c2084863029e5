import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { decodeNpz, decodeSafetensors } from '@tweedie/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { outputs, type Output } from './outputs.ts';
import { makeProject, TINY, type Project, type Ran } from './testing/project.fixture.ts';

let project: Project;
let trained: Ran;
beforeAll(async () => {
  project = await makeProject();
  trained = await project.tweedie('train', 'runs/roll', ...TINY, '--json');
});
afterAll(() => project.remove());

/** Exactly one JSON object on stdout, of this schema and no other key than it says. */
const said = <K extends keyof typeof outputs>(ran: Ran, kind: K): Output<K> => {
  expect(ran.stdout.endsWith('\n') && ran.stdout.trim().split('\n').length === 1, ran.stdout).toBe(true);
  return outputs[kind].strict().parse(ran.json()) as Output<K>;
};

describe('under --json every command prints one object of its schema', () => {
  it('train', () => {
    expect(trained.code, trained.stderr).toBe(0);
    expect(said(trained, 'train')).toMatchObject({
      status: 'finished',
      step: 12,
      steps: 12,
      resumedFrom: 0,
      network: 'mlp',
      data: expect.stringMatching(/^swiss-roll/),
    });
    expect(trained.stderr).toMatch(/Training mlp \(\d+ parameters\) on swiss-roll/);
    expect(trained.stderr).toMatch(/train: 12\/12 steps, .*loss/);
  });

  it('train --dry-run writes nothing', async () => {
    const ran = await project.tweedie('train', 'runs/dry', ...TINY, '--objective', 'tweedie-foo', '--dry-run', '--json');
    expect(said(ran, 'train-dry-run')).toMatchObject({
      resumes: false,
      steps: 12,
      network: 'mlp',
      plugins: { 'tweedie-foo': '1.2.3' },
      config: { objective: { use: 'tweedie-foo', level: 0.5, mode: 'plain', note: '' } },
    });
    expect(existsSync(project.at('runs/dry'))).toBe(false);
  });

  it('sample writes pictures, films and numbers', async () => {
    const ran = await project.tweedie('sample', 'runs/roll', '-n', '9', '--steps', '3', '--out', 'a.png', 'a.gif', 'a.npz', '--json');
    const output = said(ran, 'sample');
    expect(output).toMatchObject({
      count: 9,
      sampler: 'dpmpp-2m',
      steps: 3,
      nfe: 3,
      files: [project.at('a.png'), project.at('a.gif'), project.at('a.npz')],
    });
    expect((await readFile(project.at('a.png'))).subarray(1, 4).toString()).toBe('PNG');
    expect((await readFile(project.at('a.gif'))).subarray(0, 6).toString()).toBe('GIF89a');
    expect(decodeNpz(await readFile(project.at('a.npz')), 'a.npz')['arr_0']?.shape).toEqual([9, 2]);
    const again = await project.tweedie('sample', 'runs/roll', '-n', '9', '--steps', '3', '--out', 'b.npz', '--json');
    expect((await readFile(project.at('b.npz'))).equals(await readFile(project.at('a.npz'))), again.stderr).toBe(true);
  });

  it('sample --dry-run costs nothing and says what it would', async () => {
    const ran = await project.tweedie(
      'sample',
      'runs/roll',
      '--sampler',
      'heun',
      '--sampler.sChurn',
      '4',
      '--steps',
      '5',
      '--levels.max',
      '20',
      '--dry-run',
      '--json',
    );
    expect(said(ran, 'sample-dry-run')).toMatchObject({ sampler: 'heun', steps: 5, nfe: 9, files: [project.at('runs/roll/samples.png')] });
    expect(existsSync(project.at('runs/roll/samples.png'))).toBe(false);
  });

  it("sample uses a stranger's sampler by name", async () => {
    const ran = await project.tweedie('sample', 'runs/roll', '-n', '2', '--sampler', 'tweedie-foo#one-shot', '--out', 'c.npz', '--json');
    expect(said(ran, 'sample')).toMatchObject({ sampler: 'one-shot', nfe: 1 });
    expect(ran.stderr).toMatch(/one step is all it does/);
  });

  it('evaluate', async () => {
    const words = ['evaluate', 'runs/roll', '-n', '32', '--metrics', 'sliced-wasserstein,mmd', '--data.size', '256', '--json'];
    const output = said(await project.tweedie(...words), 'evaluate');
    expect(output).toMatchObject({
      schema: 'tweedie/evaluate@2',
      judged: 'runs/roll',
      n: 32,
      reference: 'swiss-roll@seed=1,n=256',
      extractor: 'raw',
      sampler: 'dpmpp-2m',
      labels: 'none',
      guidance: 1,
      nfe: 4,
      warnings: [],
    });
    expect(output.metrics).toHaveLength(2);
    for (const metric of output.metrics)
      expect(Object.keys(metric)).toEqual(['name', 'value', 'n', 'interval', 'floor', 'details', 'warnings']);
    const dry = ['evaluate', 'runs/roll', '--metrics', 'frechet', '--metric.frechet.referenceRows', '100', '--dry-run', '--json'];
    expect(said(await project.tweedie(...dry), 'evaluate-dry-run')).toMatchObject({ n: 512, metrics: ['frechet'], extractor: 'pixels' });
    await project.tweedie('sample', 'runs/roll', '-n', '32', '--out', 'd.npz');
    const given = ['evaluate', 'd.npz', '--against', 'swiss-roll', '--data.seed', '1', '--data.size', '256', '--metrics', 'sliced-wasserstein', '--json']; // prettier-ignore
    expect(said(await project.tweedie(...given), 'evaluate')).toMatchObject({
      n: 32,
      modelHash: null,
      sampler: null,
      labels: null,
      nfe: null,
      metrics: [{ value: output.metrics[0]!.value }],
    });
  });

  it('evaluate: the likelihood of held-out data, with no image drawn', async () => {
    const words = ['evaluate', 'runs/roll', '--metrics', 'bits-per-dim', '--data.size', '64', '--metric.bits-per-dim.rows', '16'];
    const options = [
      '--metric.bits-per-dim.dequantise',
      'false',
      '--metric.bits-per-dim.rtol',
      '1e-3',
      '--metric.bits-per-dim.atol',
      '1e-3',
    ];
    const output = said(await project.tweedie(...words, ...options, '--json'), 'evaluate');
    expect(output).toMatchObject({ n: 0, nfe: null, metrics: [{ name: 'nats/dim', n: 16, details: { offset: 0 } }] });
    expect(said(await project.tweedie(...words, '--dry-run', '--json'), 'evaluate-dry-run').n).toBe(0);
    const bytes = await project.tweedie(...words, '--json');
    expect([bytes.code, said(bytes, 'error').problem]).toEqual([2, 'the real data are no images of bytes']);
    const drawn = await project.tweedie('evaluate', 'a.npz', '--against', 'swiss-roll', '--metrics', 'bits-per-dim', '--json');
    expect([drawn.code, said(drawn, 'error').message]).toEqual([2, expect.stringMatching(/\[metric bits-per-dim\] no model was given/)]);
  });

  it('bench objectives measures, writes a report, and costs nothing under --dry-run', async () => {
    const words = ['bench', 'objectives', '--dims', '2', '--memory-side', '8', '--batch', '4', '--objectives', 'lcss,ism'];
    const ran = await project.tweedie(...words, '--rounds', '2', '--out', 'bench/report.html', '--json');
    expect(ran.code, ran.stderr).toBe(0);
    const output = said(ran, 'bench-objectives');
    expect(output).toMatchObject({ status: 'finished', report: project.at('bench/report.html'), seed: 0 });
    expect(output.cases.map(({ shape, timed, rounds, batchSize }) => [shape, timed, rounds, batchSize])).toEqual([
      [[2], true, 2, 4],
      [[8, 8, 3], false, 0, 1],
    ]);
    expect(output.cases.map(({ rows }) => rows.map(({ name, status }) => [name, status]))).toEqual([
      [['dsm', 'measured'], ['lcss', 'measured'], ['ism', 'measured']], // prettier-ignore
      [['dsm', 'measured'], ['lcss', 'measured'], ['ism', 'refused']], // prettier-ignore
    ]);
    const html = await readFile(project.at('bench/report.html'), 'utf8');
    expect(html).toContain('refused: the exact trace would take 192 forward and backward passes a step');
    expect(html).not.toMatch(/NaN|undefined/);
    expect(ran.stderr).toMatch(/bench: 5\/5 rounds/);
    const dry = await project.tweedie(...words, '--out', 'dry.html', '--dry-run', '--json');
    expect(said(dry, 'bench-objectives')).toMatchObject({ status: 'planned', engine: null, cases: [{ rounds: 28, rows: [] }, {}] });
    expect(existsSync(project.at('dry.html'))).toBe(false);
  });

  it('doctor', async () => {
    const { engines, chosen, versions, measured } = said(await project.tweedie('doctor', '--backend', 'wasm', '--json'), 'doctor');
    expect(engines.find(({ id }) => id === chosen)?.chosen).toBe(true);
    expect(versions['node']).toBe(process.versions.node);
    expect(measured, 'nothing is measured for who asks for an engine').toBeNull();
  });

  it('native: what is there, what stands in its way, and its removal', async () => {
    vi.stubEnv('TWEEDIE_CACHE', project.at('cache'));
    try {
      const { builds, folder, tools } = said(await project.tweedie('native', 'status', '--json'), 'native-status');
      expect(builds.map(({ kind, state }) => `${kind} ${state}`)).toEqual(['cpu absent', 'gpu absent']);
      expect(folder).toBe(project.at('cache/native'));
      expect(tools.map(({ name }) => name)).toEqual(['python', 'g++']);
      expect((await project.tweedie('native', 'status')).stdout).toMatch(/✗ {2}cpu .* not installed; /);
      expect(said(await project.tweedie('native', 'remove', '--json'), 'native-remove')).toMatchObject({ folders: [], bytes: 0 });
      // A file where the folder should be: nothing is fetched.
      await writeFile(project.at('file'), '');
      vi.stubEnv('TWEEDIE_CACHE', project.at('file'));
      const failed = await project.tweedie('native', 'install', '--json');
      expect(failed.code).toBe(1);
      expect(said(failed, 'error').code).toMatch(/^(NOT_WRITABLE|NO_BUILD)$/);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('plugins', async () => {
    const { plugins, problems } = said(await project.tweedie('plugins', '--json'), 'plugins');
    const uses = plugins.flatMap(({ provides }) => provides.map(({ kind, use }) => `${kind} ${use}`));
    for (const use of [
      'objective dsm',
      'sampler heun',
      'sampler dpmpp-2m',
      'sampler euler',
      'sampler ddim',
      'schedule edm',
      'schedule vp',
      'schedule ve',
      'network digits',
      'metric frechet',
      'data mnist',
      'objective tweedie-foo',
      'sampler tweedie-foo',
    ])
      expect(uses).toContain(use);
    expect(plugins.find((plugin) => plugin.package === 'tweedie-foo')).toMatchObject({ from: 'project', version: '1.2.3' });
    expect(problems.map((problem) => problem.package)).toEqual(['tweedie-old', 'tweedie-throws']);
    expect(problems[0]?.message).toMatch(/got api 0, expected api 1/);
    expect(problems[1]?.message).toMatch(/throws when it is imported: got boom/);
    const few = said(await project.tweedie('plugins', '--kind', 'metric', '--json'), 'plugins');
    expect(few.plugins.map((plugin) => plugin.package)).toEqual(['@tweedie/metrics']);
  });

  it('data list and data fetch --dry-run', async () => {
    const { data } = said(await project.tweedie('data', 'list', '--cache', 'cache', '--json'), 'data-list');
    expect(data.find(({ name }) => name === 'mnist')).toMatchObject({ fetchable: true, there: false });
    expect(data.find(({ name }) => name === 'rings')).toMatchObject({ fetchable: false, there: null });
    expect(said(await project.tweedie('data', 'fetch', 'mnist', '--cache', 'cache', '--dry-run', '--json'), 'data-fetch')).toMatchObject({
      folder: project.at('cache/mnist'),
      fetched: false,
      dryRun: true,
    });
    expect(existsSync(project.at('cache'))).toBe(false);
  });

  it("stats writes a stranger's statistics, found by package or by kind of method", async () => {
    const ran = await project.tweedie(
      'stats',
      'tweedie-foo',
      'swiss-roll',
      '-n',
      '50',
      '--data.seed',
      '3',
      '--out',
      's.safetensors',
      '--json',
    );
    expect(said(ran, 'stats')).toMatchObject({
      kind: 'foo-mean',
      method: 'one-shot',
      data: 'swiss-roll@seed=3,n=1048576',
      tensors: { mean: [2] },
      header: { kind: 'foo-mean', n: 50 },
    });
    const { tensors, metadata } = decodeSafetensors(await readFile(project.at('s.safetensors')), 's');
    expect(tensors['mean']).toMatchObject({ dtype: 'F64', shape: [2] });
    expect(JSON.parse(metadata['header'] ?? '')).toMatchObject({
      kind: 'foo-mean',
      by: 'tweedie-foo 1.2.3',
      data: 'swiss-roll@seed=3,n=1048576',
      shape: [2],
      n: 50,
      seed: 0,
    });
    expect(said(await project.tweedie('stats', 'tweedie-foo', 'swiss-roll', '--dry-run', '--json'), 'stats').file).toBeNull();
  });

  it("stats of a model: a run's profile, which deis-sn takes for that run and for no other", async () => {
    const words = ['stats', 'deis-profile', 'runs/roll', '-n', '6', '--stats.steps', '8', '--seed', '2'];
    const ran = await project.tweedie(...words, '--out', 'profile.safetensors', '--json');
    expect(ran.code, ran.stderr).toBe(0);
    const model = said(trained, 'train').modelHash;
    const facts = { kind: 'deis-profile', run: 'runs/roll', model };
    expect(said(ran, 'stats')).toMatchObject({
      ...facts,
      method: 'deis-sn',
      data: 'swiss-roll',
      tensors: { lambda: [8], r: [8], se: [8] },
    });
    const { metadata } = decodeSafetensors(await readFile(project.at('profile.safetensors')), 'profile');
    expect(JSON.parse(metadata['header'] ?? '')).toMatchObject({
      kind: 'deis-profile',
      by: '@tweedie/sampler-deis-sn 0.1.0',
      model,
      guidance: 1,
      schedule: 'edm(0.002,80)',
      levels: [0.002, 80],
      shape: [2],
      n: 6,
      seed: 2,
    });
    expect(said(await project.tweedie(...words, '--dry-run', '--json'), 'stats')).toMatchObject({ ...facts, file: null });
    const use = ['--sampler', 'deis-sn', '--sampler.profile', 'profile.safetensors', '--json'];
    expect(said(await project.tweedie('sample', 'runs/roll', '-n', '2', '--out', 'sn.npz', ...use), 'sample')).toMatchObject({
      sampler: 'deis-sn',
      nfe: 4,
    });
    await project.tweedie('train', 'runs/other', ...TINY, '--seed', '5');
    const others = [['sample', 'runs/other'], ['sample', 'runs/other', '--dry-run'], ['plan', 'runs/other'], ['evaluate', 'runs/other', '-n', '8']]; // prettier-ignore
    for (const argv of others) {
      const other = await project.tweedie(...argv, ...use);
      expect(other.code, argv.join(' ')).toBe(2);
      expect(said(other, 'error')).toMatchObject({
        subject: 'profile.safetensors',
        problem: 'these statistics are of another model',
        expected: expect.stringMatching(/^[0-9a-f]{64}$/),
        remedy: 'make them from this model',
      });
    }
    // Of no run in particular: nothing to hold against.
    expect((await project.tweedie('plan', ...use)).code).toBe(0);
  });

  it('plan', async () => {
    const heun = said(await project.tweedie('plan', '--sampler', 'heun', '--steps', '18', '--json'), 'plan');
    expect(heun).toMatchObject({ sampler: 'heun', schedule: 'edm(0.002,80)', nfe: 35 });
    expect([heun.levels[0], heun.levels.at(-2), heun.levels.at(-1)]).toEqual([80, 0.002, 0]);
    expect(heun.steps).toHaveLength(18);
    expect(said(await project.tweedie('plan', 'runs/roll', '--json'), 'plan')).toMatchObject({ sampler: 'dpmpp-2m', nfe: 4 });
    expect(
      said(await project.tweedie('plan', '--schedule', 'vp', '--schedule.betaMax', '10', '--sampler', 'ddim', '--json'), 'plan').schedule,
    ).toBe('vp-linear(0.1,10)');
  });
});

describe('exit codes', () => {
  it.each([
    [['train', '--objective', 'nothing'], /\[nothing\] neither a method of Tweedie nor an installed package/],
    [['train', '--objective', 'tweedie-old'], /speaks another version of the plugin contracts/],
    [['train', '--objective', 'tweedie-throws'], /throws when it is imported: got boom/],
    [['train', '--training.stepz', '3'], /training\.stepz: unknown key; allowed: /],
    [['train', '--steps', 'many'], /training\.steps: got "many", expected an integer/],
    [['train', '--config', 'none.ts'], /no such configuration file/],
    [['train', ...TINY, '--backend', 'abacus'], /no engine of this name: got abacus/],
    [['train', '--frobnicate'], /unknown option '--frobnicate'/],
    [['sample'], /missing required argument 'RUN'/],
    [['sample', 'nowhere'], /there is no such run/],
    [['sample', 'runs/roll', '--out', 'a.jpg'], /this kind of file is not written: got a\.jpg, expected \.png, \.gif or \.npz/],
    [['sample', 'runs/roll', '--workers', '0'], /\[workers\] not a number of workers: got 0, expected an integer from 1 to 256/],
    [
      ['train', ...TINY, '--workers', '3'],
      /\[workers\] the batch does not divide into equal parts: got 3 workers, expected a divisor of the batch size 16/,
    ],
    [['sample', 'runs/roll', '-n', 'lots'], /\[count\].*got NaN/],
    [['sample', 'runs/roll', '--sampler', 'heun', '--sampler.churn', '3'], /sampler\.churn: unknown key; allowed: use, sChurn/],
    [['sample', 'runs/roll', '--training.steps', '3'], /training\.steps: this cannot be changed here/],
    [['evaluate'], /missing required argument 'IMAGES'/],
    [['evaluate', 'nowhere'], /\[nowhere\] there is no such run, folder or file.*check the path/],
    [['evaluate', 'a.png'], /this kind of file is not judged: got \.png/],
    [['evaluate', 'a.npz'], /there are no real data to hold the images against: got no --against/],
    [['evaluate', 'a.npz', '--against', 'swissroll'], /there are no such data: got swissroll.*did you mean swiss-roll\?/],
    [['evaluate', 'a.npz', '--against', './nowhere'], /there is no such folder or file: got \.\/nowhere/],
    [['evaluate', 'a.npz', '--against', 'swiss-roll:test'], /split: unknown key/],
    [['evaluate', 'a.npz', '--against', 'swiss-roll', '--steps', '3'], /this is about drawing.*got --steps/],
    [['evaluate', 'runs/roll', '--metrics', 'frecht'], /\[frecht\] neither a method.*did you mean frechet\?/],
    [['evaluate', 'runs/roll', '--metrics', 'mmd,,mmd'], /\[--metrics\] there is an empty name in the list/],
    [['evaluate', 'runs/roll', '--metrics', 'mmd', '--metric.frechet.floor', 'false'], /no option of a metric that was named/],
    [['evaluate', 'runs/roll', '--extractor', 'mnistne'], /no extractor of this name: got mnistne.*did you mean mnistnet\?/],
    [
      ['evaluate', 'runs/roll', '--extractor', 'mnistnet', '--metrics', 'frechet'],
      /not those that it was made for: got \[2\], expected \[28, 28, 1\]/,
    ],
    [['evaluate', 'runs/roll', '--metrics', 'class-match'], /\[metric class-match\] no classifier was given/],
    [['sample', 'runs/roll', '--unconditional', '--label', '3'], /classes were asked for as well/],
    [['data', 'fetch', 'faces'], /this data set cannot be fetched: got faces, expected mnist or cifar10/],
    [['stats', 'heun', 'swiss-roll', '--out', 'x'], /this method wants no statistics/],
    [
      ['stats', 'deis-profile', 'swiss-roll', '--out', 'x'],
      /made from a model, not from data: got the data set swiss-roll, expected a RUN/,
    ],
    [['stats', 'tweedie-foo', 'runs/roll', '--out', 'x'], /made from data, not from a model: got the run runs\/roll, expected a data set/],
    [['stats', 'deis-profile', 'nowhere', '--out', 'x'], /there is no such run/],
    [['stats', 'deis-profile', 'runs/roll', '--out', 'x', '--stats.stepz', '3'], /stepz/],
    [
      ['stats', 'deis-profile', 'runs/roll', '--out', 'x', '--data.seed', '3'],
      /data\.seed: this cannot be changed here; allowed: stats\.…/,
    ],
    [['stats', 'tweedie-foo', 'swiss-roll', '--out', 'x', '--stats.n', '3'], /these have no options: got --stats\.n/],
    [
      ['sample', 'runs/roll', '--sampler', 'deis-sn', '--sampler.profile', 's.safetensors'],
      /of another kind: got foo-mean, expected deis-profile/,
    ],
    [['plugins', '--kind', 'sort'], /no such kind of method/],
    [['doctor', '--a.b', '3'], /unknown option '--a\.b'/],
    [['bench', 'objectives', '--dims', '2,65'], /\[--dims\].*got 65, expected up to 64.*; take 2, 784 and 3072/],
    [['bench', 'objectives', '--dims', '2,,3'], /\[--dims\] there is an empty word in the list: got "2,,3"/],
    [['bench', 'objectives', '--rounds', 'few'], /\[--rounds\].*got NaN, expected an integer ≥ 1; give --rounds another/],
    [['bench', 'objectives', '--memory-side', '10'], /\[--memory-side\].*got 10, expected an integer ≥ 0, divisible by 4/],
    [['bench', 'objectives', '--batch', '0'], /\[--batch\].*got 0, expected an integer ≥ 1/],
    [['bench', 'objectives', '--objectives', 'dsm,guess'], /guess/],
    [['bench', 'objectives', '--backend', 'abacus'], /no engine of this name: got abacus/],
    [['frobnicate'], /unknown command 'frobnicate'/],
  ])('are 2 for %j', async (argv, message) => {
    const plain = await project.tweedie(...argv);
    expect(plain.code).toBe(2);
    expect(plain.stderr).toMatch(message);
    expect(plain.stdout).toBe('');
    const json = await project.tweedie(...argv, '--json');
    expect(json.code).toBe(2);
    expect(said(json, 'error')).toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
  });

  it('are 1 for a run that fails, with the last checkpoint named', async () => {
    const ran = await project.tweedie(
      'train',
      'runs/nan',
      ...TINY,
      '--objective',
      'tweedie-foo',
      '--objective.failAt',
      '7',
      '--training.checkpointEvery',
      '2',
      '--json',
    );
    expect(ran.code).toBe(1);
    expect(said(ran, 'error')).toMatchObject({
      exitCode: 1,
      code: 'NON_FINITE',
      message: expect.stringMatching(/the loss of step 7 is not finite.*the last good checkpoint, of step 6/),
    });
  });

  it('are 2 for data that are damaged, and nothing is written', async () => {
    await mkdir(project.at('cache/mnist'), { recursive: true });
    await writeFile(project.at('cache/mnist/train-images-idx3-ubyte'), 'cut short');
    const ran = await project.tweedie('train', 'runs/mnist', '--data.cache', project.at('cache'), '--steps', '2');
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(/train-images-idx3-ubyte\] the file has another length than the published one: got 9 bytes/);
    expect(existsSync(project.at('runs/mnist'))).toBe(false);
    expect((await readFile(project.at('cache/mnist/train-images-idx3-ubyte'))).toString()).toBe('cut short');
  });

  it('are 0 for a finished run, which says so', async () => {
    const again = await project.tweedie('train', 'runs/roll', ...TINY);
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(/The run in runs\/roll is finished: all 12 steps are done\. Nothing was changed/);
  });

  it('are 1 for a benchmark that Ctrl-C stopped: it reports what it has', async () => {
    const abort = new AbortController();
    const stopped = await makeProject({ signal: abort.signal });
    setTimeout(() => abort.abort(), 700);
    const ran = await stopped.tweedie('bench', 'objectives', '--dims', '2', '--rounds', '100000', '--objectives', 'dsm', '--json');
    expect(ran.code).toBe(1);
    const output = said(ran, 'bench-objectives');
    expect(output.status).toBe('interrupted');
    // None where the machine is slow to start, never the second.
    expect(output.cases.length).toBeLessThanOrEqual(1);
    for (const { rounds } of output.cases) expect(rounds).toBeLessThan(100000);
    expect(await readFile(output.report!, 'utf8')).toContain('The command was interrupted');
    await stopped.remove();
  });

  it('are 1 for a run that Ctrl-C stopped: it is saved, and the same command resumes it', async () => {
    const abort = new AbortController();
    const stopped = await makeProject({ signal: abort.signal });
    setTimeout(() => abort.abort(), 700);
    const ran = await stopped.tweedie('train', 'runs/long', ...TINY, '--steps', '100000', '--json');
    expect(ran.code).toBe(1);
    const output = said(ran, 'train');
    expect(output).toMatchObject({ status: 'interrupted', steps: 100000 });
    expect(ran.stderr).toMatch(
      new RegExp(`Interrupted: saved at step ${output.step} of 100000 in runs/long\\. The same command again resumes`),
    );
    await cp(stopped.at('runs'), project.at('stopped'), { recursive: true });
    expect((await project.tweedie('sample', 'stopped/long', '-n', '1', '--out', 'e.npz')).code).toBe(0);
    await stopped.remove();
  });
});

describe('help', () => {
  it('of every command has examples', async () => {
    for (const command of [
      [],
      ['train'],
      ['sample'],
      ['evaluate'],
      ['doctor'],
      ['native'],
      ['native', 'install'],
      ['native', 'status'],
      ['native', 'remove'],
      ['plugins'],
      ['data'],
      ['data', 'list'],
      ['data', 'fetch'],
      ['stats'],
      ['plan'],
      ['bench'],
      ['bench', 'objectives'],
      ['bench', 'samplers'],
      ['compare'],
      ['calibrate'],
      ['variance'],
    ]) {
      const { code, stdout } = await project.tweedie(...command, '--help');
      expect(code).toBe(0);
      expect(stdout, command.join(' ')).toMatch(new RegExp(`Examples:\\n {2}tweedie ${command.join(' ')}`));
    }
  });

  it("lists a method's options with type, default and description", async () => {
    const { stdout } = await project.tweedie('train', '--objective', 'tweedie-foo', '--help');
    expect(stdout).toMatch(/Options of the objective tweedie-foo \(tweedie-foo 1\.2\.3\): an objective of somebody else/);
    expect(stdout).toMatch(/--objective\.level <number> +the one noise level that it trains at \(default: 0\.5\)/);
    expect(stdout).toMatch(/--objective\.mode <plain\|fancy> +how it is done \(default: "plain"\)/);
    expect((await project.tweedie('sample', '--sampler', 'tweedie-foo', '--help')).stdout).toMatch(
      /statistics: foo-mean — mean of the data; tweedie stats tweedie-foo DATA --out FILE/,
    );
  });

  it('names a plugin that cannot be described', async () => {
    const { code, stderr } = await project.tweedie('train', '--objective', 'tweedie-old', '--help');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/speaks another version/)]);
  });
});

describe('a process of its own', () => {
  const script = new URL('./testing/child.fixture.mjs', import.meta.url).pathname;

  it('prints help without loading an engine', async () => {
    const child = spawn(process.execPath, [script, '/src/testing/help-child.fixture.ts', '--help'], { cwd: project.folder });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    await new Promise((done) => child.once('close', done));
    expect(stdout).toMatch(/^Usage: tweedie/);
    expect(stdout).toMatch(/loaded: \[\]/);
  });

  it('stops at SIGINT, saved', async () => {
    const child = spawn(process.execPath, [script, '/src/main.ts', 'train', 'runs/signalled', ...TINY, '--steps', '1000000', '--json'], {
      cwd: project.folder,
    });
    let [stdout, stderr] = ['', ''];
    let running = false;
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (!running && /train: \d+\//.test(stderr)) running = child.kill('SIGINT');
    });
    const code = await new Promise((done) => child.once('close', done));
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/Stopping after this step/);
    expect(outputs.train.parse(JSON.parse(stdout))).toMatchObject({ status: 'interrupted' });
    expect(existsSync(project.at('runs/signalled/state.safetensors'))).toBe(true);
  });
});
