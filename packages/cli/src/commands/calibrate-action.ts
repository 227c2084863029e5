import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { checkStatistics, createNoise, decodeStatistics, karras, tweedieError } from '@tweedie/core';
import { DATA, SCHEDULE } from '@tweedie/core/container';
import { readBytes } from '@tweedie/core/node';
import { calibrateSkip, estimateGaussian, type Calibration } from '@tweedie/sampler-teleport';
import { startEngine } from '../engine.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { describeMachine, formatNumber, lineChart, writeReport } from '../report/index.ts';
import { composeJudging } from '../judge/compose-judging.ts';
import { OK, whileRunning } from '../run/failure.ts';
import { bindRun, openRun } from '../run/open-run.ts';
import { versions } from '../run/provenance.ts';
import type { CalibrateFlags } from './calibrate.ts';

/** Rank of the Gaussian where no file is given, of 10 000 images: enough at the levels that are skipped. */
const RANK = 64;

export const runCalibrate = async ({ io }: Context, run: string, flags: CalibrateFlags): Promise<Exit> => {
  check('--tolerance', flags.tolerance, flags.tolerance > 0 && flags.tolerance < 1, 'a number between 0 and 1');
  check('--levels', flags.levels, Number.isInteger(flags.levels) && flags.levels >= 3 && flags.levels <= 400, 'an integer from 3 to 400');
  check('-n', flags.count, Number.isInteger(flags.count) && flags.count >= 2, 'an integer ≥ 2');
  const opened = await openRun(run, io.cwd);
  const given = resolve(io.cwd, run);
  const home = existsSync(given) && statSync(given).isDirectory() ? given : dirname(given);
  const file = flags.out === undefined ? join(home, 'calibrate/report.html') : resolve(io.cwd, flags.out);
  const seed = flags.seed ?? opened.config.seed;
  const statistics =
    flags.gaussian === undefined
      ? undefined
      : decodeStatistics(await readBytes(resolve(io.cwd, flags.gaussian), 'check the path given to --gaussian'), flags.gaussian);
  if (statistics !== undefined) checkStatistics(statistics, { kind: 'gaussian' });
  const described = { schema: 'tweedie/calibrate@1' as const, run, modelHash: opened.weights.modelHash, tolerance: flags.tolerance, seed };
  if (flags.dryRun === true) {
    const planned: Output<'calibrate'> = { ...described, data: null, n: flags.count, levels: [], residual: [], skipTo: null, file: null };
    emit(io, flags.json, planned, [
      `Would compare the denoiser of a Gaussian with that of ${run} at ${flags.levels} levels, and write ${file}.`,
    ]);
    return OK;
  }
  const engine = await startEngine(flags.backend, io);
  const { experiment, model, dispose } = await bindRun(opened, opened.config, { cwd: io.cwd, data: true });
  const output = await whileRunning(async (): Promise<Output<'calibrate'>> => {
    const started = performance.now();
    try {
      const schedule = experiment.get(SCHEDULE);
      const heldOut = (await composeJudging(opened.config, { cwd: io.cwd, metrics: [] })).get(DATA);
      const data = experiment.get(DATA);
      const gaussian =
        statistics ??
        (await estimateGaussian({ dataset: data, seed: BigInt(seed), n: Math.min(data.size, 10_000), options: { rank: RANK } }));
      const n = Math.min(flags.count, heldOut.size);
      const found = await calibrateSkip({
        model,
        gaussian,
        dataset: heldOut,
        levels: karras({ steps: flags.levels - 1, max: schedule.rho(schedule.tMax), min: schedule.rho(schedule.tMin) }),
        tolerance: flags.tolerance,
        n,
        noise: createNoise(seed),
      });
      await writeReport(file, {
        title: 'How far a teleport may skip',
        summary: sentence(found, flags.tolerance),
        record: {
          command: `tweedie calibrate ${run} --tolerance ${flags.tolerance} --levels ${flags.levels} -n ${n}${flags.gaussian === undefined ? '' : ` --gaussian ${flags.gaussian}`}`,
          date: new Date().toISOString(),
          seed,
          engine,
          machine: describeMachine(),
          config: { data: heldOut.id, gaussian: flags.gaussian ?? `rank ${RANK} of ${data.id}`, tolerance: flags.tolerance, n },
          versions: versions(),
          seconds: { measuring: (performance.now() - started) / 1000 },
        },
        sections: [
          {
            title: 'The residual',
            text: 'R(ρ) = E‖D_net − D_Gauss‖² / E‖D_net − E D_net‖² on held-out images with noise: how much of what the network knows a Gaussian of the data does not. In denoisers, not in scores, whose common part would hide the difference. Near ρ = 0 both are the identity; what counts is how far R stays small from above.',
            figures: [
              {
                picture: (width) =>
                  lineChart({
                    lines: [
                      { name: 'R(ρ)', x: found.levels, y: found.residual, style: 'dots' },
                      {
                        name: `tolerance ${flags.tolerance}`,
                        x: [found.levels[0]!, found.levels.at(-1)!],
                        y: [flags.tolerance, flags.tolerance],
                        colour: 'second',
                      },
                    ],
                    xLabel: 'noise level ρ',
                    yLabel: 'residual',
                    log: { x: true, y: true },
                    width,
                  }),
                alt: 'The residual by noise level, with the tolerance',
                caption: sentence(found, flags.tolerance),
              },
            ],
          },
          {
            title: 'The numbers',
            table: { columns: ['ρ', 'R(ρ)'], rows: [...found.levels].map((rho, i) => [formatNumber(rho, 4), found.residual[i]!]) },
          },
        ],
      });
      return {
        ...described,
        data: heldOut.id,
        n,
        levels: [...found.levels],
        residual: [...found.residual],
        skipTo: found.skipTo ?? null,
        file,
      };
    } finally {
      dispose();
    }
  });
  emit(io, flags.json, output, [
    ...table([['ρ', 'R(ρ)'], ...output.levels.map((rho, i) => [rho.toPrecision(4), output.residual[i]!.toPrecision(3)])]),
    output.skipTo === null
      ? `above the deviation of the data no level has a residual of at most ${flags.tolerance}; which of the two is wrong there, the residual cannot say: tweedie compare can`
      : `skip to ${output.skipTo.toPrecision(4)}: --sampler teleport --sampler.skipTo ${output.skipTo.toPrecision(4)}`,
    `wrote ${file}`,
  ]);
  return OK;
};

const sentence = ({ skipTo }: Calibration, tolerance: number): string =>
  skipTo === undefined
    ? `At no level above the deviation of the data is the residual at most ${tolerance}. Which of the two is wrong there, it cannot say: compare samples.`
    : `From above the residual is at most ${tolerance} down to ρ = ${formatNumber(skipTo, 3)}: skip to there.`;

const check = (subject: string, got: number, holds: boolean, expected: string): void => {
  if (!holds) throw tweedieError({ subject, problem: 'this cannot be used', got, expected });
};
