import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isTweedieError, tweedieError } from '@tweedie/core';
import { NETWORK, NOISE, SCHEDULE } from '@tweedie/core/container';
import { BATCH, filesOf, keyed, makeCell, readCell, type Bench, type Cell, type KeyedTask } from '../compare/cell.ts';
import { prepareJudging, type Judging } from '../compare/judging.ts';
import { plansWithin, type Within } from '../compare/plans.ts';
import { compared, type ComparedRow, type Row } from '../compare/results.ts';
import { reported, sentences, tableOf } from '../compare/show.ts';
import { overridesFrom } from '../config/load.ts';
import type { ExperimentConfig } from '../config/experiment.ts';
import { startWorkers } from '../engine.ts';
import { catalogue } from '../experiment/catalogue.ts';
import { composeExperiment } from '../experiment/compose.ts';
import { makeMethod, type Made } from '../experiment/methods.ts';
import { samplerSpecs, specOf, type SamplerSpec } from '../experiment/sampler-specs.ts';
import { emit, table, type Context, type Exit, type Io } from '../io.ts';
import type { Output } from '../outputs.ts';
import { startProgress, type Progress } from '../progress.ts';
import { describeMachine, writeReport } from '../report/index.ts';
import { FAILED, OK, whileRunning } from '../run/failure.ts';
import { bindRun, openRun, overridden } from '../run/open-run.ts';
import { openPool, type Pool } from '../workers/pool.ts';
import { workersOn, worthwhile, type Workers } from '../workers/workers.ts';
import { versions } from '../run/provenance.ts';
import type { CompareFlags } from './compare.ts';

/** What is compared where nobody says: the newest of ours where all of it is there, else the classics. */
const DEFAULTS: readonly string[] = [
  'heun, dpmpp-2m, unipc{order:2}, deis-sn{variable:log-rho}, teleport{then:unipc{order:2}}, ipndm',
  'heun, dpmpp-2m, unipc, deis, ipndm, ddim',
  'euler, heun, dpmpp-2m, ddim',
];

/** A sampler that was asked for: made, or why not. */
interface Entrant extends SamplerSpec {
  readonly made?: Made<'sampler'>;
  readonly refusal?: string;
  readonly files: Readonly<Record<string, string>>;
}

export const runCompare = async ({ io, dotted }: Context, run: string, flags: CompareFlags): Promise<Exit> => {
  const limits = limitsOf(flags.nfe);
  whole('--count', flags.count, 2);
  if (flags.seed !== undefined) whole('--seed', flags.seed, 0);
  const opened = await openRun(run, io.cwd);
  if (Object.hasOwn(dotted, 'levels.steps'))
    throw tweedieError({ subject: '--levels.steps', problem: 'the steps follow from the calls', remedy: 'give --nfe' });
  const { levels } = await overridesFrom(dotted, opened.config, ['levels'], io.cwd);
  const config = overridden(opened.config, { levels, seed: flags.seed });
  const experiment = await composeExperiment(config, { cwd: io.cwd, data: false });
  const { classes } = experiment.get(NETWORK);
  if (!Number.isFinite(flags.guidance) || (classes === 0 && flags.guidance !== 1))
    throw tweedieError({
      subject: '--guidance',
      problem: classes === 0 ? 'the model has no classes to guide towards' : 'this is no number',
      got: flags.guidance,
      expected: classes === 0 ? '1' : 'a number, 1 for none',
    });
  const entrants = await entrantsOf(flags, io.cwd, opened.weights.modelHash);
  if (flags.baseline !== undefined && !entrants.some(({ label }) => label === flags.baseline))
    throw tweedieError({
      subject: '--baseline',
      problem: 'this sampler is not compared',
      got: flags.baseline,
      expected: entrants.map(({ label }) => label).join(', '),
    });
  const evaluations = flags.guidance === 1 ? 1 : 2;
  const schedule = experiment.get(SCHEDULE);
  const planned = entrants.flatMap((entrant) => {
    const within: readonly Within[] =
      entrant.made === undefined
        ? [{ limit: null, refusal: entrant.refusal! }]
        : plansWithin({ sampler: entrant.made.it, schedule, levels: config.levels, limits, evaluations });
    return within.map((each) => ({ entrant, ...each }));
  });

  const given = resolve(io.cwd, run);
  const home = join(statSync(given).isDirectory() ? given : dirname(given), 'compare');
  const folder = join(home, 'cells');
  const file = flags.out === undefined ? join(home, 'report.html') : resolve(io.cwd, flags.out);

  const settled =
    flags.dryRun === true ? undefined : await startWorkers({ backend: flags.backend, workers: flags.workers, io, purpose: 'sampling' });
  const engine = settled?.engine ?? null;
  const judging = await prepareJudging(config, io.cwd);
  const bench: Bench = { modelHash: opened.weights.modelHash, n: flags.count, seed: config.seed, guidance: flags.guidance, judging };
  const tasks = planned.map(({ entrant, plan }) =>
    plan === undefined ? undefined : keyed({ sampler: entrant.made!, plan, files: entrant.files }, bench),
  );
  const cells = new Map<string, Cell>();
  for (const task of tasks) {
    const cell = task === undefined ? undefined : await readCell(folder, task);
    if (cell !== undefined) cells.set(cell.hash, cell);
  }
  const known = new Set(cells.keys());
  const rows = (): readonly ComparedRow[] =>
    compared(
      planned.map(({ entrant, limit, plan, refusal }, i): Row => {
        const cell = cells.get(tasks[i]?.hash ?? '');
        const nfe = plan?.nfe === undefined || plan.nfe === null ? null : plan.nfe * evaluations;
        return {
          limit,
          sampler: entrant.label,
          stochastic: entrant.made?.it.facts.stochastic ?? false,
          steps: plan?.steps.length ?? null,
          nfe: cell?.nfe ?? nfe,
          hash: tasks[i]?.hash ?? null,
          ...(cell === undefined ? {} : { cell }),
          failure: refusal ?? cell?.failure ?? null,
        };
      }),
      flags.baseline ?? null,
    );
  const base = {
    schema: 'tweedie/compare@1' as const,
    run,
    modelHash: bench.modelHash,
    cells: folder,
    seed: bench.seed,
    guidance: bench.guidance,
    n: bench.n,
    limits: [...limits],
    reference: judging.reference.id,
    extractor: judging.extractor?.id ?? null,
    baseline: flags.baseline ?? null,
  };

  if (flags.dryRun === true) {
    const output = outputOf({ ...base, status: 'planned', report: null, engine: null, seconds: 0, made: 0 }, rows(), known);
    emit(io, flags.json, output, plannedLines(output, judging, file));
    return OK;
  }

  const missing = [...new Map(tasks.flatMap((task) => (task === undefined || known.has(task.hash) ? [] : [[task.hash, task]]))).values()] as KeyedTask[]; // prettier-ignore
  const started = performance.now();
  await whileRunning(() => makeAll(missing, { bench, folder, config, opened, io, cells, run, engine: engine!, workers: settled!.workers }));
  const interrupted = missing.some(({ hash }) => !cells.has(hash));
  const seconds = Math.round(performance.now() - started) / 1000;
  const done = rows();
  const written = cells.size > 0 || !interrupted;
  if (written)
    await whileRunning(() =>
      writeReport(
        file,
        reported({
          rows: done,
          samplers: entrants.map(({ label }) => label),
          baseline: flags.baseline ?? null,
          n: bench.n,
          guidance: bench.guidance,
          reference: judging.reference.id,
          interrupted,
          record: {
            command: commandOf(run, flags, dotted),
            date: new Date().toISOString(),
            seed: bench.seed,
            engine: engine!,
            machine: describeMachine(),
            config: {
              samplers: entrants.map(({ label }) => label).join(', '),
              nfe: limits.join(', '),
              n: bench.n,
              guidance: bench.guidance,
              levels: config.levels,
              metric: judging.metric,
              model: bench.modelHash,
            },
            versions: {
              ...versions(),
              ...Object.fromEntries(entrants.flatMap(({ made }) => (made === undefined ? [] : [[made.packageName, made.version]]))),
            },
            seconds: { 'sampling and judging': seconds },
          },
        }),
      ),
    );
  const output = outputOf(
    {
      ...base,
      status: interrupted ? 'interrupted' : 'finished',
      report: written ? file : null,
      engine,
      seconds,
      made: [...cells.keys()].filter((hash) => !known.has(hash)).length,
    },
    done,
    known,
  );
  emit(io, flags.json, output, [...printed(done, flags.baseline ?? null), ...(written ? [`report ${file}`] : [])]);
  if (interrupted) io.stderr(`Interrupted: ${cells.size} cells are kept. The same command again goes on.\n`);
  return interrupted ? FAILED : OK;
};

/** Cell by cell, each written before the next is begun. Ctrl-C drops the one in hand. */
const makeAll = async (
  missing: readonly KeyedTask[],
  {
    bench,
    folder,
    config,
    opened,
    io,
    cells,
    run,
    engine,
    workers,
  }: {
    readonly run: string;
    readonly engine: string;
    readonly workers: Workers;
    readonly bench: Bench;
    readonly folder: string;
    readonly config: ExperimentConfig;
    readonly opened: Awaited<ReturnType<typeof openRun>>;
    readonly io: Io;
    readonly cells: Map<string, Cell>;
  },
): Promise<void> => {
  if (missing.length === 0) return;
  const { experiment, model, dispose } = await bindRun(opened, config, { cwd: io.cwd });
  const batches = Math.ceil(bench.n / BATCH);
  const callsOf = ({ plan }: KeyedTask): number => batches * (plan.nfe ?? plan.steps.length);
  const total = missing.reduce((sum, task) => sum + callsOf(task), 0);
  let bar: Progress | undefined;
  let pool: Pool | undefined;
  let done = 0;
  try {
    const count = Math.min(workersOn(engine, worthwhile(workers, model.shape)), batches);
    if (count > 1) pool = await openPool({ workers: count, engine });
    bar = await startProgress(io, { title: 'compare', total, unit: 'calls' });
    for (const [i, task] of missing.entries()) {
      if (io.signal?.aborted === true) break;
      const before = done;
      const each = callsOf(task) / (batches * task.plan.steps.length);
      const note = `cell ${i + 1} of ${missing.length}, ${task.sampler.config.use}`;
      try {
        const cell = await makeCell(task, {
          folder,
          bench,
          model,
          noise: experiment.get(NOISE),
          from: { run, cwd: io.cwd, config },
          pool,
          ...(io.signal === undefined ? {} : { signal: io.signal }),
          onStep: () => {
            done = Math.min(done + each, before + callsOf(task));
            bar!.update(Math.floor(done), note);
          },
        });
        cells.set(cell.hash, cell);
      } catch (error) {
        if (isTweedieError(error) && error.complaint.code === 'INTERRUPTED') break;
        throw error;
      }
      done = before + callsOf(task);
      bar.update(done, note);
    }
  } finally {
    bar?.stop();
    await pool?.close();
    dispose();
  }
};

const entrantsOf = async (flags: CompareFlags, cwd: string, modelHash: string): Promise<readonly Entrant[]> => {
  if (flags.all === true && flags.samplers !== undefined)
    throw tweedieError({ subject: '--all', problem: 'the samplers are named already', remedy: 'leave --all or --samplers out' });
  if (flags.all === true) return Promise.all((await everySampler(cwd)).map((spec) => entered(spec, cwd, modelHash)));
  if (flags.samplers !== undefined) return named(flags.samplers.join(','), cwd, modelHash);
  for (const list of DEFAULTS.slice(0, -1)) {
    const all = await Promise.all((await samplerSpecs(list, cwd)).map((spec) => entered(spec, cwd, modelHash)));
    if (all.every(({ made }) => made !== undefined)) return all;
  }
  return named(DEFAULTS.at(-1)!, cwd, modelHash);
};

/** Every sampler that `tweedie plugins` lists. */
export const everySampler = async (cwd: string): Promise<readonly SamplerSpec[]> =>
  (await catalogue(cwd, 'sampler')).plugins.flatMap(({ provides }) => provides.map(({ use }) => specOf({ use })));

const entered = async (spec: SamplerSpec, cwd: string, modelHash?: string): Promise<Entrant> => {
  try {
    const made = await makeMethod('sampler', spec.config, cwd, {}, modelHash);
    return { ...spec, made, files: await filesOf(made.config, cwd) };
  } catch (error) {
    if (!isTweedieError(error)) throw error;
    return { ...spec, refusal: error.message, files: {} };
  }
};

/** Samplers that somebody asked for by name: what cannot be made is bad input. */
const named = async (list: string, cwd: string, modelHash?: string): Promise<readonly Entrant[]> => {
  const specs = await samplerSpecs(list, cwd);
  return Promise.all(
    specs.map(async (spec) => {
      const made = await makeMethod('sampler', spec.config, cwd, {}, modelHash);
      return { ...spec, made, files: await filesOf(made.config, cwd) };
    }),
  );
};

const limitsOf = (text: string): readonly number[] => {
  const limits = text.split(',').map((word) => (word.trim() === '' ? NaN : Number(word)));
  const bad = limits.findIndex((limit) => !Number.isSafeInteger(limit) || limit < 1 || limit > 1000);
  if (bad >= 0)
    throw tweedieError({
      subject: '--nfe',
      problem: 'this is no number of network calls',
      got: JSON.stringify(text.split(',')[bad]),
      expected: 'integers from 1 to 1000 with commas between them',
      remedy: 'write --nfe 5,10,20',
    });
  return [...new Set(limits)].sort((a, b) => a - b);
};

const whole = (flag: string, got: number, least: number): void => {
  if (Number.isSafeInteger(got) && got >= least) return;
  throw tweedieError({
    subject: flag,
    problem: 'this number will not do',
    got,
    expected: `an integer ≥ ${least}`,
    remedy: `give ${flag} another, or leave it out`,
  });
};

type Head = Omit<Output<'compare'>, 'rows' | 'metric' | 'floor'>;

const outputOf = (head: Head, rows: readonly ComparedRow[], known: ReadonlySet<string>): Output<'compare'> => {
  const result = rows.find(({ cell }) => cell?.result !== undefined)?.cell?.result;
  return {
    ...head,
    metric: result?.name ?? null,
    floor: result?.floor ?? null,
    rows: rows.map(({ limit, sampler, stochastic, steps, nfe, hash, cell, failure, value, interval, difference }) => ({
      limit,
      sampler,
      stochastic,
      steps,
      nfe,
      value,
      interval: interval && [interval[0], interval[1]],
      difference: difference && {
        to: difference.to,
        value: difference.value,
        interval: difference.interval && [difference.interval[0], difference.interval[1]],
      },
      start: cell?.start ?? null,
      seconds: cell?.seconds.sampling ?? null,
      cell: hash,
      kept: hash !== null && known.has(hash),
      failure,
    })),
  };
};

const printed = (rows: readonly ComparedRow[], baseline: string | null): string[] => {
  const { columns, rows: cells, failed } = tableOf(rows, baseline);
  const said = sentences(rows).map((sentence) => sentence.replaceAll('`', ''));
  return [...table([columns, ...cells]), ...failed, '', ...(said.length === 0 ? [] : [`${said.join('; ')}.`])];
};

const plannedLines = (output: Output<'compare'>, { metric }: Judging, file: string): string[] => {
  const { rows, n, reference } = output;
  const missing = new Map(rows.flatMap(({ cell, kept, nfe }) => (cell === null || kept ? [] : [[cell, nfe ?? 0] as const])));
  const calls = [...missing.values()].reduce((sum, nfe) => sum + nfe * n, 0);
  return [
    `Would draw ${n} images in each of ${missing.size} cells, ${calls} network evaluations in all, judge them by ${metric.use} against ${reference}, and write ${file}${existsSync(file) ? ' over the one that is there' : ''}.`,
    ...table([
      ['sampler', 'calls ≤', 'steps', 'calls', ''],
      ...rows.map(({ sampler, limit, steps, nfe, kept, failure }) => [
        sampler,
        limit === null ? 'own' : String(limit),
        steps === null ? '' : String(steps),
        nfe === null ? '' : String(nfe),
        failure ?? (kept ? 'there already' : ''),
      ]),
    ]),
  ];
};

/** The command line again, with what was said on it. */
const commandOf = (run: string, flags: CompareFlags, dotted: Context['dotted']): string => {
  const { samplers, all, nfe, count, baseline, guidance, seed, out, backend } = flags;
  const words = Object.entries({ samplers: samplers?.join(','), nfe, count, baseline, guidance, seed, out, backend, ...dotted }).flatMap(
    ([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]),
  );
  return ['tweedie', 'compare', run, ...(all === true ? ['--all'] : []), ...words]
    .map((word) => (/^[\w./,:=@+-]+$/.test(word) ? word : JSON.stringify(word)))
    .join(' ');
};
