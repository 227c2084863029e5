import { resolve } from 'node:path';
import { tweedieError } from '@tweedie/core';
import { BASE, casesOf, COSTS, LIMITS, measureCase, networkOf, type CaseResult, type Entrant, type Row } from '../bench/objectives.ts';
import { ratioChart } from '../bench/ratio-chart.ts';
import { startEngine } from '../engine.ts';
import { makeMethod, type MethodConfig } from '../experiment/methods.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { startProgress, type Progress } from '../progress.ts';
import { describeMachine, formatNumber, writeReport, type Machine, type Section } from '../report/index.ts';
import { FAILED, OK, whileRunning } from '../run/failure.ts';
import { versions } from '../run/provenance.ts';
import type { BenchObjectivesFlags } from './bench.ts';

/** Names that are no method's: a method and its options. */
const VARIANTS: Readonly<Record<string, MethodConfig>> = Object.freeze({ 'lcss-antithetic': { use: 'lcss', antithetic: true } });

/** Rounds in which engine and compiler get warm. */
const WARMUP = 3;

export const runBenchObjectives = async ({ io }: Context, flags: BenchObjectivesFlags): Promise<Exit> => {
  const { rounds, seed } = flags;
  whole('--rounds', rounds, 1);
  whole('--seed', seed, 0);
  if (flags.batch !== undefined) whole('--batch', flags.batch, 1);
  whole('--memory-side', flags.memorySide, 0, 4);
  const cases = casesOf({ dims: listOf('--dims', flags.dims).map(Number), memorySide: flags.memorySide, batchSize: flags.batch });
  const names = [...new Set([BASE, ...listOf('--objectives', flags.objectives)])];
  const found = await Promise.all(
    names.map(async (name) => ({ name, made: await makeMethod('objective', VARIANTS[name] ?? { use: name }, io.cwd) })),
  );
  const entrants = found.map(({ name, made }): Entrant => ({ name, objective: made.it }));
  const file = resolve(io.cwd, flags.out);
  const base = {
    schema: 'tweedie/bench-objectives@1' as const,
    versions: { ...versions(), ...Object.fromEntries(found.map(({ made }) => [made.packageName, made.version])) },
    seed,
    warmup: WARMUP,
  };

  if (flags.dryRun === true) {
    const planned: Output<'bench-objectives'> = {
      ...base,
      status: 'planned',
      report: null,
      engine: null,
      machine: null,
      seconds: 0,
      cases: cases.map((each) => {
        const { name, classes, parameters } = networkOf(each.shape);
        const size = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);
        return {
          ...each,
          shape: [...each.shape],
          dimensions: size(each.shape),
          network: name,
          parameters: parameters.reduce((sum, { shape }) => sum + size(shape), 0),
          classes,
          rounds: each.timed ? rounds : 0,
          rows: [],
        };
      }),
    };
    emit(io, flags.json, planned, [
      `Would measure ${names.join(', ')} and write ${file}:`,
      ...planned.cases.map((each) => `  ${describe({ ...each, rows: [] })}`),
    ]);
    return OK;
  }

  const engine = await startEngine(flags.backend, io);
  const started = performance.now();
  const perCase = WARMUP + rounds;
  const timed = cases.filter((each) => each.timed).length;
  let bar: Progress | undefined;
  const results: CaseResult[] = [];
  await whileRunning(async () => {
    try {
      bar = await startProgress(io, { title: 'bench', total: Math.max(1, timed * perCase), unit: 'rounds' });
      for (const [i, of] of cases.entries()) {
        if (io.signal?.aborted === true) break;
        const before = Math.min(i, timed) * perCase;
        results.push(
          await measureCase({
            of,
            entrants,
            rounds,
            warmup: WARMUP,
            seed,
            ...(io.signal === undefined ? {} : { signal: io.signal }),
            onProgress: (done, note) => bar?.update(before + done, note),
          }),
        );
      }
    } finally {
      bar?.stop();
    }
  });
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const interrupted = io.signal?.aborted === true;
  const machine = describeMachine();
  await whileRunning(() =>
    writeReport(file, {
      title: 'What a training step costs',
      summary: summaryOf(results),
      record: {
        command: commandOf(flags),
        date: new Date().toISOString(),
        seed,
        engine,
        machine,
        config: { objectives: names.join(', '), rounds, warmup: WARMUP, cases: results.map(describe) },
        versions: base.versions,
        seconds: { measuring: seconds },
      },
      sections: [formulas(entrants), ...results.map(sectionOf)],
      notes: [
        ...(interrupted ? ['The command was interrupted: what is missing was not measured.'] : []),
        'Time is that of a whole training step: the batch (and the reference of `stf`), loss, gradient, Adam, moving average. In every round each objective takes its step once, in an order in which each follows each of the others equally often; the ratio is taken round by round, and the interval of its median is that of order statistics (95 %).',
        'Memory was measured in a run of its own: the bytes that tensors hold at the peak of a step, each buffer once, above those that were there before it. What a kernel needs inside itself, and arrays of the host, are not in it. Where the batch is small the peak is that of Adam, and equal for all.',
        'The data are noise of the right shape; points have no classes, images have 10, of which `stf` masks those that are not the row’s.',
      ],
    }),
  );
  const output: Output<'bench-objectives'> = {
    ...base,
    status: interrupted ? 'interrupted' : 'finished',
    report: file,
    engine,
    machine: plain(machine),
    seconds,
    cases: results.map((result) => ({
      ...result,
      shape: [...result.shape],
      rows: result.rows.map(({ time, ...row }) => ({
        ...row,
        time: time && { median: time.median, interval: time.interval && [time.interval[0], time.interval[1]] },
      })),
    })),
  };
  emit(io, flags.json, output, [...results.flatMap(linesOf), `report ${file}`]);
  if (interrupted) io.stderr('Interrupted: the report has what was measured until then.\n');
  return interrupted ? FAILED : OK;
};

const plain = (machine: Machine): Record<string, string | number> => ({ ...machine });

const whole = (flag: string, got: number, least: number, divisor = 1): void => {
  if (Number.isInteger(got) && got >= least && got % divisor === 0) return;
  throw tweedieError({
    subject: flag,
    problem: 'this number will not do',
    got,
    expected: `an integer ≥ ${least}${divisor === 1 ? '' : `, divisible by ${divisor}`}`,
    remedy: `give ${flag} another, or leave it out`,
  });
};

const listOf = (flag: string, text: string): readonly string[] => {
  const words = text.split(',').map((word) => word.trim());
  if (words.every((word) => word !== '')) return words;
  throw tweedieError({
    subject: flag,
    problem: 'there is an empty word in the list',
    got: JSON.stringify(text),
    expected: 'words with commas between them',
    remedy: `write ${flag} a,b,c`,
  });
};

const commandOf = ({ dims, memorySide, batch, rounds, objectives, seed, backend }: BenchObjectivesFlags): string =>
  `tweedie bench objectives --dims ${dims} --memory-side ${memorySide}${batch === undefined ? '' : ` --batch ${batch}`} --rounds ${rounds} --objectives ${objectives} --seed ${seed}${backend === undefined ? '' : ` --backend ${backend}`}`;

const describe = ({ shape, network, parameters, classes, batchSize, timed, rounds }: Omit<CaseResult, 'dimensions'>): string =>
  [
    shape.length === 1 ? `${shape[0]!} dimensions` : shape.join('×'),
    `${network} (${formatNumber(parameters)} parameters)`,
    classes === 0 ? 'no classes' : `${classes} classes`,
    `batch ${batchSize}`,
    timed ? `${rounds} rounds` : 'memory alone',
  ].join(', ');

const said = (row: Row): string => (row.reason === null ? row.status : `${row.status}: ${row.reason}`);
const times = (value: number | null): string => (value === null ? '' : `${value.toFixed(3)} ×`);
const range = ({ time }: Row): string =>
  time === null ? '' : time.interval === null ? 'too few rounds' : `${time.interval[0].toFixed(3)} … ${time.interval[1].toFixed(3)}`;
const wanted = ({ limit, verdict }: Row): string => (limit === null ? '' : `≤ ${limit.toFixed(2)}: ${verdict ?? 'not decided'}`);
const mebibytes = (bytes: number | null): string => (bytes === null ? '' : `${formatNumber(bytes / 2 ** 20, 4)} MiB`);
const milliseconds = (ms: number | null): string => (ms === null ? '' : `${formatNumber(ms, 3)} ms`);

const linesOf = (result: CaseResult): string[] => {
  const limited = result.rows.some(({ limit }) => limit !== null);
  const timing = (row: Row): string[] => [
    milliseconds(row.milliseconds),
    row.time === null ? '' : times(row.time.median),
    range(row),
    ...(limited ? [wanted(row)] : []),
  ];
  // A sentence would make its column as wide as itself: it stands below the table, under the names.
  const width = Math.max(...result.rows.map(({ name }) => name.length));
  const [measured, others] = [true, false].map((is) => result.rows.filter(({ status }) => (status === 'measured') === is)) as [
    Row[],
    Row[],
  ];
  return [
    describe(result),
    ...table([
      [' '.repeat(width), ...(result.timed ? ['step', 'over dsm', '95 %', ...(limited ? ['wanted'] : [])] : []), 'peak memory', 'over dsm'],
      ...measured.map((row) => [row.name, ...(result.timed ? timing(row) : []), mebibytes(row.peakBytes), times(row.memory)]),
    ]),
    ...others.map((row) => `${row.name.padEnd(width)}  ${said(row)}`),
    '',
  ];
};

const summaryOf = (results: readonly CaseResult[]): string => {
  const judged = results.flatMap(({ shape, rows }) =>
    rows.flatMap((row) =>
      row.time === null || row.verdict === null
        ? []
        : [`\`${row.name}\` ${row.time.median.toFixed(3)} × the time of \`dsm\` on ${shape.join('×')} (wanted ${wanted(row)})`],
    ),
  );
  return judged.length === 0 ? 'One training step with each objective, on the same network.' : `One training step: ${judged.join('; ')}.`;
};

/** What the formulas say, beside which the measurements stand. */
const formulas = (entrants: readonly Entrant[]): Section => ({
  title: 'By the formulas',
  text: 'Runs through the network that a step takes, a backward one about two forward ones, and of how many runs the activations are kept. B is the batch, d the size of a point.',
  table: {
    columns: ['objective', 'derivatives', 'a step', 'kept'],
    rows: entrants.map(({ name, objective: { needs } }) => {
      const [runs = '–', kept = '–'] = COSTS[name] ?? [];
      return [name, `of order ${needs.derivatives}`, runs, kept].map((cell) => cell.replace(/\bn\b/g, String(needs.reference ?? 'n')));
    }),
  },
});

const sectionOf = (result: CaseResult): Section => {
  const { rows, dimensions, timed } = result;
  const limited = rows.some(({ limit }) => limit !== null);
  const timing = (row: Row): string[] => [milliseconds(row.milliseconds) || '–', row.time === null ? '–' : times(row.time.median), range(row) || '–']; // prettier-ignore
  const cells = (row: Row): string[] => [
    row.name,
    ...(timed ? timing(row).map(unbroken) : []),
    ...(limited ? [wanted(row) || '–'] : []),
    row.status === 'measured' ? unbroken(mebibytes(row.peakBytes)) : row.status,
    unbroken(times(row.memory) || '–'),
  ];
  const without = rows.filter(({ reason }) => reason !== null).map((row) => `\`${row.name}\` ${said(row)}.`);
  return {
    title: `${formatNumber(dimensions)} dimensions${timed ? '' : ', memory alone'}`,
    text: [`${describe(result)}. ${limitsOf(rows)}`, ...without].join('\n\n'),
    table: {
      columns: ['objective', ...(timed ? ['step', 'over `dsm`', '95 %'] : []), ...(limited ? ['wanted'] : []), 'peak memory', 'over `dsm`'],
      rows: rows.map(cells),
    },
    figures: [
      {
        picture: (width) => ratioChart({ rows, width }),
        alt: `Time and memory of each objective over dsm's, ${dimensions} dimensions`,
      },
    ],
  };
};

const unbroken = (text: string): string => text.replaceAll(' ', '\u00a0');

const limitsOf = (rows: readonly Row[]): string =>
  rows.some(({ limit }) => limit !== null)
    ? `A limit (${Object.entries(LIMITS).map(([name, limit]) => `\`${name}\` ≤ ${limit.toFixed(2)}`).join(', ')}) is held where the whole interval of the median is within it, not held where none of it is.` // prettier-ignore
    : '';
