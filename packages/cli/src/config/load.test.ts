import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeProject, type Project } from '../testing/project.fixture.ts';
import type { ExperimentConfig } from './experiment.ts';
import { splitFlags } from './flags.ts';
import { valueOf } from './json-schema.ts';
import { loadConfig } from './load.ts';
import { parseExperiment } from './parse.ts';

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => project.remove());

const load = (flags: Readonly<Record<string, unknown>>, file?: string): Promise<ExperimentConfig> =>
  loadConfig({ cwd: project.folder, flags, ...(file === undefined ? {} : { file }) });
const messageOf = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
};

describe('a configuration', () => {
  it('needs nothing: every default is there', () => {
    expect(parseExperiment({})).toMatchObject({
      data: { use: 'mnist' },
      schedule: { use: 'edm' },
      objective: { use: 'dsm' },
      training: { batchSize: 64, seconds: 120, labelDropout: 0.1 },
      levels: { grid: 'karras', steps: 18 },
      seed: 0,
    });
    expect(parseExperiment({ training: { steps: 5 } }).training).not.toHaveProperty('seconds');
  });

  it.each([
    [
      'an unknown key',
      { training: { stepz: 5 } },
      /\[config\] training\.stepz: unknown key; allowed: batchSize, steps, seconds, labelDropout/,
    ],
    ['an unknown section', { trainning: {} }, /trainning: unknown key; allowed: data, network, schedule/],
    ['another type', { training: { steps: 'many' } }, /training\.steps: got "many", expected an integer/],
    ['a number out of range', { training: { batchSize: 0 } }, /training\.batchSize: got 0, expected a number ≥ 1/],
    ['a number out of range above', { optimizer: { decay: 1.5 } }, /optimizer\.decay: got 1\.5, expected a number ≤ 1/],
    ['none of a list', { levels: { grid: 'linear' } }, /levels\.grid: got "linear", expected one of karras, log-snr, time-power/],
    [
      'steps and seconds',
      { training: { steps: 5, seconds: 5 } },
      /training\.seconds: got 5, expected another value \(steps and seconds exclude each other\)/,
    ],
    [
      'micro-batches of unequal size',
      { training: { batchSize: 10, accumulate: 4 } },
      /training\.accumulate: got 4, expected another value \(it must divide the batch size\)/,
    ],
    ['a section that is no section', { data: 'mnist' }, /data: got "mnist", expected an object/],
    ['what no file can hold', { objective: { use: 'dsm', law: () => 1 } }, /objective\.law: this cannot be stored in a file/],
    ['a number that JSON has not', { objective: { use: 'dsm', pMean: Infinity } }, /objective\.pMean: this cannot be stored/],
    ['nothing', undefined, /this is no configuration: got nothing, expected an object/],
  ])('is refused for %s, by its key', async (_, input, said) => {
    expect(await messageOf(() => parseExperiment(input))).toMatch(said);
  });

  it('names every problem at once', async () => {
    const message = await messageOf(() => parseExperiment({ training: { stepz: 5, batchSize: -1 }, seed: 'x' }));
    for (const said of ['training.stepz', 'training.batchSize', 'seed: got "x"']) expect(message).toContain(said);
  });
});

describe('a configuration file', () => {
  it.each([
    ['a.json', '{ "training": { "steps": 11 }, "objective": { "use": "dsm", "pMean": -0.5 } }'],
    ['a.yaml', 'training:\n  steps: 11\nobjective:\n  use: dsm\n  pMean: -0.5\n'],
    ['a.mjs', 'export default { training: { steps: 11 }, objective: { use: "dsm", pMean: -0.5 } };'],
    ['a.ts', 'const steps: number = 11;\nexport default { training: { steps }, objective: { use: "dsm", pMean: -0.5 } };'],
  ])('may be %s', async (name, text) => {
    await writeFile(project.at(name), text);
    expect(await load({}, name)).toMatchObject({ training: { steps: 11 }, objective: { use: 'dsm', pMean: -0.5 } });
  });

  it('is found by its name, and named in messages', async () => {
    for (const [folder, text] of [
      ['good', '{ "seed": 3 }'],
      ['bad', '{ "sead": 3 }'],
    ] as const) {
      await mkdir(project.at(folder));
      await writeFile(project.at(folder, 'tweedie.config.json'), text);
    }
    expect((await loadConfig({ cwd: project.at('good') })).seed).toBe(3);
    expect(await messageOf(() => loadConfig({ cwd: project.at('bad') }))).toMatch(/tweedie\.config\.json\] sead: unknown key; allowed: /);
  });

  it('that is missing or broken is refused', async () => {
    expect(await messageOf(() => load({}, 'none.json'))).toMatch(/\[none\.json\] there is no such configuration file; check the path/);
    await writeFile(project.at('broken.ts'), 'export default {');
    expect(await messageOf(() => load({}, 'broken.ts'))).toMatch(/\[broken\.ts\] the configuration file cannot be read/);
  });
});

describe('flags', () => {
  it('stand over the file, which stands over defaults', async () => {
    await writeFile(project.at('b.json'), '{ "training": { "steps": 11, "batchSize": 32 }, "seed": 1 }');
    const config = await load({ 'training.batchSize': '16', seed: '2' }, 'b.json');
    expect(config).toMatchObject({ training: { steps: 11, batchSize: 16 }, seed: 2, levels: { steps: 18 } });
  });

  it('for a time budget replace the steps of the file', async () => {
    const { training } = await load({ 'training.seconds': '9' }, 'b.json');
    expect(training).toMatchObject({ seconds: 9, batchSize: 32 });
    expect(training).not.toHaveProperty('steps');
  });

  it('that choose another method drop the options of the old one', async () => {
    await writeFile(project.at('c.json'), '{ "sampler": { "use": "heun", "sChurn": 40 } }');
    expect((await load({ 'sampler.use': 'euler' }, 'c.json')).sampler).toEqual({ use: 'euler' });
    expect((await load({ 'sampler.use': 'heun', 'sampler.sNoise': '1.003' }, 'c.json')).sampler).toEqual({
      use: 'heun',
      sChurn: 40,
      sNoise: 1.003,
    });
  });

  it("are read as the method's own schema wants them, a stranger's too", async () => {
    const { objective } = await load({
      'objective.use': 'tweedie-foo',
      'objective.note': '5',
      'objective.level': '0.25',
      'objective.mode': 'fancy',
    });
    expect(objective).toEqual({ use: 'tweedie-foo', note: '5', level: 0.25, mode: 'fancy' });
    expect(await messageOf(() => load({ 'objective.use': 'tweedie-foo', 'objective.levle': '1' }))).toMatch(
      /\[objective tweedie-foo\] objective\.levle: unknown key; allowed: use, level, failAt, mode, note/,
    );
  });

  it('that no section has are refused', async () => {
    expect(await messageOf(() => load({ 'training.stepz': '5' }))).toMatch(
      /\[flags\] training\.stepz: unknown key; allowed: batchSize, steps/,
    );
    expect(await messageOf(() => load({ 'foo.bar': '5' }))).toMatch(/foo\.bar: unknown key; allowed: data, network/);
    expect(await messageOf(() => load({ 'training.steps': 'many' }))).toMatch(/\[flags\] training\.steps: got "many", expected an integer/);
  });

  it('are taken out of a command line', () => {
    expect(
      splitFlags([
        'train',
        'runs/a',
        '--objective.pMean',
        '-1.2',
        '--data.fetch',
        '--seed',
        '3',
        '--network.channels=[8,16]',
        '--levels.zero=false',
        '--',
        '--a.b',
        'c',
      ]),
    ).toEqual({
      dotted: { 'objective.pMean': '-1.2', 'data.fetch': 'true', 'network.channels': '[8,16]', 'levels.zero': 'false' },
      rest: ['train', 'runs/a', '--seed', '3', '--', '--a.b', 'c'],
    });
  });

  it('become what a schema wants', () => {
    expect(valueOf('5', { type: 'string' })).toBe('5');
    expect(valueOf('5', { type: 'integer' })).toBe(5);
    expect(valueOf('five', { type: 'integer' })).toBe('five');
    expect(valueOf('true', { type: 'boolean' })).toBe(true);
    expect(valueOf('[1,2]', { type: 'array' })).toEqual([1, 2]);
    expect(valueOf('8', { anyOf: [{ type: 'integer' }, { type: 'array' }] })).toBe(8);
    expect(valueOf('vp', { enum: ['edm', 'vp'] })).toBe('vp');
    expect(valueOf('1', { enum: [1, 3] })).toBe(1);
    expect(valueOf('5', undefined)).toBe(5);
  });
});
