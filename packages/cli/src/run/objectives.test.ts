import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { encodeNpz } from '@tweedie/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExperimentInput } from '../config/experiment.ts';
import { SMALL } from '../testing/small.fixture.ts';
import { exitCodeOf } from './failure.ts';
import { readLog } from './log.ts';
import { readRecord } from './run-folder.ts';
import { trainRun, type TrainEvent } from './train-run.ts';

let home: string;
const PATH = join(tmpdir(), `tweedie-objectives-${process.pid}.npz`);
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tweedie-objectives-'));
  const images = { shape: [3, 12, 12, 1], data: new Uint8Array(3 * 144) };
  await writeFile(PATH, encodeNpz({ arr_0: images }));
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
  await rm(PATH, { force: true });
});

const withObjective = (objective: ExperimentInput['objective'], changes: ExperimentInput = {}): ExperimentInput => ({
  ...SMALL,
  objective,
  ...changes,
});

describe('every objective trains by name', () => {
  it.each([
    ['dsm', {}],
    ['lcss', { antithetic: true, draws: 2 }],
    ['stf', { reference: 32 }],
    ['ism', {}],
    ['ssm', { projections: 2 }],
    ['ssm-vr', { projection: 'sphere' }],
    ['fd-ssm', { relative: true }],
  ])('%s: finite, resumed to the bit, nothing left on the engine', async (use, options) => {
    const config = withObjective({ use, ...options });
    const before = memory().numTensors;
    const whole = await trainRun({ config, folder: join(home, use), cwd: home });
    expect(memory().numTensors).toBe(before);
    expect(whole).toMatchObject({ status: 'finished', step: 40 });
    const log = await readLog(join(home, use));
    expect(log.every(({ loss, gradientNorm }) => Number.isFinite(loss) && gradientNorm > 0)).toBe(true);

    const abort = new AbortController();
    const folder = join(home, `${use}-stopped`);
    const onEvent = (event: TrainEvent): void => {
      if (event.kind === 'step' && event.step === 13) abort.abort();
    };
    await trainRun({ config, folder, cwd: home, signal: abort.signal, onEvent });
    await trainRun({ config, folder, cwd: home });
    const weights = (run: string): Promise<Buffer> => readFile(join(run, 'weights.safetensors'));
    expect((await weights(folder)).equals(await weights(join(home, use)))).toBe(true);
  });

  it('and a network without classes is trained on labelled data, by each that a reference or a label would trip', async () => {
    for (const use of ['dsm', 'stf'])
      expect(
        await trainRun({
          config: withObjective(
            { use, ...(use === 'stf' ? { reference: 16 } : {}) },
            { network: { use: 'mlp', width: 8, depth: 1, classes: 0 } },
          ),
          folder: join(home, `${use}-unconditional`),
          cwd: home,
        }),
      ).toMatchObject({ status: 'finished' });
  });
});

describe('what an objective tells', () => {
  it('lcss of an EDM head: the loss in float64, and the part that depends on the weights', async () => {
    const folder = join(home, 'told-lcss');
    await trainRun({ config: withObjective({ use: 'lcss' }), folder, cwd: home });
    const dsm = join(home, 'told-dsm');
    await trainRun({ config: withObjective({ use: 'dsm' }), folder: dsm, cwd: home });
    const [ours, theirs] = [await readLog(folder), await readLog(dsm)];
    expect(ours[0]!.loss).toBeLessThan(0);
    // The informative part is what denoising score matching logs, while the weights are the same to rounding.
    ours.slice(0, 10).forEach(({ informative }, i) => expect(Math.abs(informative! / theirs[i]!.loss - 1)).toBeLessThan(1e-3));
  });

  it('stf: of how many points targets are made, in log and record, and a warning for classes that the reference cannot help', async () => {
    const notices: string[] = [];
    const onEvent = (event: TrainEvent): void => void (event.kind === 'notice' && notices.push(event.message));
    // Sixteen reference points for eight classes: one or two of a class.
    const config = withObjective(
      { use: 'stf', reference: 16, law: 've', sigmaMin: 0.05, sigmaMax: 50 },
      { training: { ...SMALL.training, batchSize: 16, accumulate: 1, labelDropout: 0, steps: 60 } },
    );
    const folder = join(home, 'told-stf');
    await trainRun({ config, folder, cwd: home, onEvent });
    const record = await readRecord(folder);
    expect(record!.ess!.length).toBeGreaterThan(8);
    expect(record!.ess!.every(({ mean, rows }) => mean >= 0.99 && mean <= 16 && rows > 0)).toBe(true);
    expect((await readLog(folder)).every(({ ess }) => ess! >= 0.99 && ess! <= 16)).toBe(true);

    notices.length = 0;
    const none = withObjective(
      { use: 'stf', reference: 2, law: 've', sigmaMin: 5, sigmaMax: 50 },
      { training: { ...SMALL.training, batchSize: 2, accumulate: 1, labelDropout: 0, steps: 80 } },
    );
    await trainRun({ config: none, folder: join(home, 'told-stf-small'), cwd: home, onEvent });
    expect(notices.filter((each) => /^class \d: even at ρ from .* raise objective\.reference$/.test(each)).length).toBeGreaterThan(3);
  });
});

describe('what does not fit together is refused before anything is written', () => {
  it.each([
    [
      'ism of images, with its cost',
      { objective: { use: 'ism' }, data: { use: 'npz', path: PATH }, training: { steps: 1, batchSize: 2 } },
      /\[ism\] the exact trace would take 144 forward and backward passes a step.*got 144 coordinates, expected at most 64/,
    ],
    [
      'a reference smaller than the batch',
      withObjective({ use: 'stf', reference: 4 }),
      /\[reference\] the reference batch is smaller than the batch: got 4, expected at least 8; .*raise reference or lower batchSize/,
    ],
    ['a γ of 0', withObjective({ use: 'lcss', gamma: 0 }), /\[objective lcss\] gamma: .*\(got 0\)/],
    ['half of β', withObjective({ use: 'ssm', law: 'vp', betaMin: 1 }), /\[ssm\] half of β/],
  ])('%s', async (_, config, message) => {
    const folder = join(home, 'refused');
    const error: unknown = await trainRun({ config: config as ExperimentInput, folder, cwd: home }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect((error as Error).message).toMatch(message);
    expect(exitCodeOf(error)).toBe(2);
    expect(existsSync(join(folder, 'config.json'))).toBe(false);
  });
});
