import { join, relative, resolve } from 'node:path';
import { DATA, NETWORK } from '@tweedie/core/container';
import { SHORT_FLAGS, type ShortFlag } from '../config/flags.ts';
import type { ExperimentConfig } from '../config/experiment.ts';
import { loadConfig } from '../config/load.ts';
import { startWorkers } from '../engine.ts';
import { composeExperiment, CONFIG, PLUGINS } from '../experiment/compose.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { clock, startProgress, type Progress } from '../progress.ts';
import { FAILED, OK } from '../run/failure.ts';
import { checkSameRun, findRun } from '../run/run-folder.ts';
import { trainRun, type TrainEvent } from '../run/train-run.ts';
import type { TrainFlags } from './train.ts';

export const runTrain = async ({ io, dotted }: Context, run: string | undefined, flags: TrainFlags): Promise<Exit> => {
  const config = await loadConfig({
    cwd: io.cwd,
    flags: { ...shortFlags(flags), ...dotted },
    ...(flags.config === undefined ? {} : { file: flags.config }),
  });
  const folder = resolve(io.cwd, run ?? join('runs', nameOf(config.data.use)));
  if (flags.dryRun === true) return dryRun({ config, folder, io, json: flags.json });
  const { workers } = await startWorkers({ backend: flags.backend, workers: flags.workers, io, purpose: 'training' });

  let bar: Promise<Progress> | undefined;
  const listen = (event: TrainEvent): void => {
    if (event.kind === 'notice') io.stderr(`${event.message}\n`);
    if (event.kind === 'budget')
      io.stderr(`${event.seconds} s are ${event.steps} steps on this machine; a resumed run uses that number.\n`);
    if (event.kind === 'start') {
      io.stderr(
        `${event.step === 0 ? 'Training' : `Resuming at step ${event.step}:`} ${event.network} (${event.parameters} parameters) on ${event.data}, engine ${event.engine}${event.workers === 1 ? '' : `, ${event.workers} workers`}, into ${shown(folder, io.cwd)}\n`,
      );
      bar = startProgress(io, { title: 'train', total: event.steps, from: event.step, unit: 'steps' });
    }
    if (event.kind === 'step')
      void bar?.then((progress) =>
        progress.update(event.step, `loss ${event.loss.toPrecision(3)}, ${event.imagesPerSecond.toFixed(0)} images/s`),
      );
  };
  const result = await trainRun({
    config,
    folder,
    cwd: io.cwd,
    onEvent: listen,
    workers,
    ...(io.signal === undefined ? {} : { signal: io.signal }),
  }).finally(async () => (await bar)?.stop());
  const output: Output<'train'> = { schema: 'tweedie/train@1', ...result };
  const where = shown(folder, io.cwd);
  if (result.status === 'interrupted')
    io.stderr(`Interrupted: saved at step ${result.step} of ${result.steps} in ${where}. The same command again resumes.\n`);
  else if (result.resumedFrom >= result.steps)
    io.stderr(`The run in ${where} is finished: all ${result.steps} steps are done. Nothing was changed.\n`);
  emit(
    io,
    flags.json,
    output,
    table([
      ['run', where],
      ['status', result.status],
      ['steps', `${result.step} of ${result.steps}`],
      ['time', `${clock(result.seconds)} (${result.imagesPerSecond} images/s)`],
      ['loss', result.loss === null ? '–' : result.loss.toPrecision(4)],
      ['model', `${result.network}, ${result.parameters} parameters, ${result.modelHash.slice(0, 12)}`],
      ['next', `tweedie sample ${where} -n 64 --out grid.png`],
    ]),
  );
  return result.status === 'finished' ? OK : FAILED;
};

const dryRun = async ({
  config,
  folder,
  io,
  json,
}: {
  readonly config: ExperimentConfig;
  readonly folder: string;
  readonly io: Context['io'];
  readonly json: boolean | undefined;
}): Promise<Exit> => {
  const experiment = await composeExperiment(config, { cwd: io.cwd });
  const whole = experiment.get(CONFIG);
  const found = await findRun(folder);
  if (found !== undefined) checkSameRun(folder, whole, found.config, found.record?.data === experiment.get(DATA).id);
  const network = experiment.get(NETWORK);
  const parameters = network.parameters.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
  const steps = found?.record?.steps ?? whole.training.steps ?? null;
  const output: Output<'train-dry-run'> = {
    schema: 'tweedie/train-dry-run@1',
    folder,
    resumes: found !== undefined,
    steps,
    seconds: whole.training.seconds ?? null,
    parameters,
    data: experiment.get(DATA).id,
    network: network.name,
    plugins: { ...experiment.get(PLUGINS) },
    config: whole,
  };
  emit(io, json, output, [
    `Would ${found === undefined ? 'train' : `go on with step ${found.record?.step ?? 0} of`} ${network.name} (${parameters} parameters) on ${output.data} into ${shown(folder, io.cwd)}: ${steps === null ? `${output.seconds} s` : `${steps} steps`}.`,
    JSON.stringify(whole, null, 2),
  ]);
  return OK;
};

const shortFlags = (flags: TrainFlags): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (Object.keys(SHORT_FLAGS) as ShortFlag[]).flatMap((name) => {
      const word = flags[name];
      return word === undefined ? [] : [[SHORT_FLAGS[name].path, word]];
    }),
  );

/** A folder's name for a method: `@scope/pkg#name` → `pkg-name`. */
const nameOf = (use: string): string => use.replace(/^@[^/]*\//, '').replace(/[^\w.-]+/g, '-');

const shown = (path: string, cwd: string): string => {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
};
