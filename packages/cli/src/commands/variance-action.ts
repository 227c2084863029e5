import { resolve } from 'node:path';
import { tweedieError } from '@tweedie/core';
import metrics, { targetVariance, type TargetVariance } from '@tweedie/metrics';
import { layered, overridesFrom } from '../config/load.ts';
import { parseExperiment } from '../config/parse.ts';
import { startEngine } from '../engine.ts';
import { makeMethod, type MethodConfig } from '../experiment/methods.ts';
import { emit, type Context, type Exit, type Io } from '../io.ts';
import type { Output } from '../outputs.ts';
import { startProgress } from '../progress.ts';
import { describeMachine, writeReport } from '../report/index.ts';
import { OK, whileRunning } from '../run/failure.ts';
import { versions } from '../run/provenance.ts';
import type { VarianceFlags } from './variance.ts';
import { found, printed, reported } from './variance-report.ts';

/** Sizes of the reference where none are named. */
const REFERENCES = [1, 16, 256, 4096];

export const runVariance = async ({ io, dotted }: Context, data: string, flags: VarianceFlags): Promise<Exit> => {
  const sigmas = sigmasOf(flags);
  const base = parseExperiment({ data: { use: data }, seed: flags.seed }, 'flags');
  const overrides = await overridesFrom(dotted, base, ['data'], io.cwd);
  const chosen = parseExperiment(layered(base, overrides)).data as MethodConfig;
  const { it: dataset, config, packageName, version } = await makeMethod('data', chosen, io.cwd);
  const references =
    flags.references === undefined
      ? REFERENCES.filter((n) => n <= (flags.n ?? dataset.size))
      : flags.references.split(',').map((word) => (word.trim() === '' ? NaN : Number(word)));
  if (new Set([1, ...references]).size > 5)
    throw tweedieError({
      subject: '--references',
      problem: 'too many sizes for one picture',
      got: references.length,
      expected: 'at most 5, the size 1 among them',
    });
  const { rows, n: points, seed } = flags;
  const drain = targetVariance(dataset, { levels: sigmas, references, rows, points, seed });

  const file = resolve(io.cwd, flags.out ?? `runs/variance-${data.replace(/[^\w.-]+/g, '-')}/report.html`);
  const described = {
    schema: 'tweedie/variance@1' as const,
    data: dataset.id,
    population: points ?? dataset.size,
    rows,
    seed,
    sigmas,
  };
  if (flags.dryRun === true) {
    const planned: Output<'variance'> = { ...described, file: null, engine: null, seconds: 0, levels: [], middle: null, beyond: [] };
    emit(io, flags.json, planned, [
      `Would measure the variance of targets at ${sigmas.length} levels from σ = ${flags.min} to ${flags.max} on ${described.population} points of ${dataset.id}, ${rows} rows, references of ${references.join(', ')}, and write ${file}.`,
    ]);
    return OK;
  }

  const engine = await startEngine(flags.backend, io);
  const output = await whileRunning(async (): Promise<Output<'variance'>> => {
    const started = performance.now();
    const measured = await drained(drain, io);
    const seconds = Math.round(performance.now() - started) / 1000;
    const findings = found(measured);
    const levels = levelsOf(measured);
    await writeReport(
      file,
      reported(measured, findings, levels, {
        command: commandOf(data, flags, dotted),
        date: new Date().toISOString(),
        seed,
        engine,
        machine: describeMachine(),
        config: { data: config, references, rows, levels: flags.levels, min: flags.min, max: flags.max, n: described.population },
        versions: { ...versions(), [packageName]: version, [metrics.name]: metrics.version },
        seconds: { measuring: seconds },
      }),
    );
    return { ...described, file, engine, seconds, levels, ...findings };
  });
  emit(io, flags.json, output, [...printed(output), `wrote ${file}`]);
  return OK;
};

/** Evenly in log σ, both ends included. */
const sigmasOf = ({ levels, min, max }: VarianceFlags): number[] => {
  if (!(Number.isInteger(levels) && levels >= 2 && levels <= 200))
    throw tweedieError({
      subject: '--levels',
      problem: 'not a number of noise levels',
      got: levels,
      expected: 'an integer from 2 to 200',
    });
  for (const [flag, value] of [['--min', min] as const, ['--max', max] as const])
    if (!(Number.isFinite(value) && value > 0))
      throw tweedieError({ subject: flag, problem: 'this is no noise level', got: value, expected: 'a number above 0' });
  if (max <= min)
    throw tweedieError({ subject: '--max', problem: 'the range of noise levels is empty', got: max, expected: `more than --min, ${min}` });
  return Array.from({ length: levels }, (_, i) =>
    i === levels - 1 ? max : Number((min * (max / min) ** (i / (levels - 1))).toPrecision(6)),
  );
};

/** Lets the drain run to its end, with a bar; Ctrl-C leaves it. */
const drained = async (drain: ReturnType<typeof targetVariance>, io: Io): Promise<TargetVariance> => {
  let bar: Awaited<ReturnType<typeof startProgress>> | undefined;
  try {
    for (;;) {
      const next = await drain.next();
      if (next.done === true) return next.value;
      const { done, total } = next.value;
      bar ??= await startProgress(io, { title: 'variance', total, unit: 'parts' });
      bar.update(done);
      await new Promise<void>((turn) => setImmediate(turn));
      if (io.signal?.aborted === true)
        throw tweedieError({ subject: 'variance', problem: 'interrupted; nothing was written', code: 'INTERRUPTED' });
    }
  } finally {
    bar?.stop();
    await drain.return(undefined as never); // frees what it holds, if it was left
  }
};

const levelsOf = ({ levels }: TargetVariance): Output<'variance'>['levels'] =>
  levels.map(({ sigma, references, essOfAll }) => ({
    sigma,
    references: references.map(({ n, variance, ess }) => ({
      n,
      variance: variance.value,
      varianceInterval: [...variance.interval],
      ess: ess.value,
      essInterval: [...ess.interval],
    })),
    essOfAll: essOfAll.value,
  }));

/** The command line again, with what was said on it. */
const commandOf = (data: string, flags: VarianceFlags, dotted: Context['dotted']): string => {
  const { references, rows, levels, min, max, n, seed, out, backend } = flags;
  const words = Object.entries({ references, rows, levels, min, max, n, seed, out, backend, ...dotted }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
  return ['tweedie', 'variance', data, ...words].map((word) => (/^[\w./,:=@+-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
};
