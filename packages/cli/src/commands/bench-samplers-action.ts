import { resolve } from 'node:path';
import { isTweedieError, tweedieError } from '@tweedie/core';
import {
  benchedNetwork,
  LIMIT,
  measureSamplers,
  SHAPE,
  type BenchedSampler,
  type SamplerRow,
  type SamplersResult,
} from '../bench/samplers.ts';
import { shareChart } from '../bench/share-chart.ts';
import { startEngine } from '../engine.ts';
import { makeMethod } from '../experiment/methods.ts';
import { samplerSpecs } from '../experiment/sampler-specs.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { startProgress, type Progress } from '../progress.ts';
import { describeMachine, formatNumber, writeReport } from '../report/index.ts';
import { FAILED, OK, whileRunning } from '../run/failure.ts';
import { versions } from '../run/provenance.ts';
import type { BenchSamplersFlags } from './bench.ts';
import { everySampler } from './compare-action.ts';

/** Rounds in which engine and compiler get warm. */
const WARMUP = 3;

export const runBenchSamplers = async ({ io }: Context, flags: BenchSamplersFlags): Promise<Exit> => {
  const { batch: batchSize, steps, rounds, seed } = flags;
  for (const [flag, got, least] of [
    ['--batch', batchSize, 1],
    ['--steps', steps, 1],
    ['--rounds', rounds, 1],
    ['--seed', seed, 0],
  ] as const)
    whole(flag, got, least);
  const specs = flags.samplers === undefined ? await everySampler(io.cwd) : await samplerSpecs(flags.samplers, io.cwd);
  const packages: Record<string, string> = {};
  const samplers = await Promise.all(
    specs.map(async ({ label, config }): Promise<BenchedSampler> => {
      try {
        const made = await makeMethod('sampler', config, io.cwd);
        packages[made.packageName] = made.version;
        return { name: label, sampler: made.it };
      } catch (error) {
        if (flags.samplers !== undefined || !isTweedieError(error)) throw error;
        return { name: label, refusal: error.message };
      }
    }),
  );
  const file = resolve(io.cwd, flags.out);
  const base = {
    schema: 'tweedie/bench-samplers@1' as const,
    versions: { ...versions(), ...packages },
    seed,
    warmup: WARMUP,
    shape: [...SHAPE],
    batchSize,
    steps,
    limit: LIMIT,
  };
  if (flags.dryRun === true) {
    const planned: Output<'bench-samplers'> = {
      ...base,
      status: 'planned',
      report: null,
      engine: null,
      machine: null,
      rounds,
      seconds: 0,
      network: benchedNetwork(),
      rows: [],
    };
    emit(io, flags.json, planned, [
      `Would time ${samplers.map(({ name }) => name).join(', ')}: ${steps} steps of ${batchSize} × ${SHAPE.join('×')} without the network, ${rounds} rounds, beside a call of ${planned.network.name} (${formatNumber(planned.network.parameters)} parameters), and write ${file}.`,
    ]);
    return OK;
  }

  const engine = await startEngine(flags.backend, io);
  const started = performance.now();
  let bar: Progress | undefined;
  const result = await whileRunning(async () => {
    try {
      bar = await startProgress(io, { title: 'bench', total: WARMUP + rounds, unit: 'rounds' });
      return await measureSamplers({
        samplers,
        batchSize,
        steps,
        rounds,
        warmup: WARMUP,
        seed,
        ...(io.signal === undefined ? {} : { signal: io.signal }),
        onProgress: (done, note) => bar?.update(done, note),
      });
    } finally {
      bar?.stop();
    }
  });
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const interrupted = io.signal?.aborted === true;
  const machine = describeMachine();
  await whileRunning(() =>
    writeReport(file, {
      title: 'What a sampler costs beside its network',
      summary: summaryOf(result, steps),
      record: {
        command: commandOf(flags),
        date: new Date().toISOString(),
        seed,
        engine,
        machine,
        config: { samplers: samplers.map(({ name }) => name).join(', '), batchSize, shape: SHAPE.join('×'), steps, rounds, warmup: WARMUP },
        versions: base.versions,
        seconds: { measuring: seconds },
      },
      sections: [
        {
          title: `${steps} steps of ${batchSize} digits`,
          text: `A call of \`${result.network.name}\` (${formatNumber(result.network.parameters)} parameters) takes ${milliseconds(result.network.milliseconds) || 'a time that was not measured'}. The share is that of the sampler in a whole run of ${steps} steps: its own time, over that and the time of the network calls that it makes. At most ${LIMIT} % is wanted of deterministic samplers; held where the whole interval is within it, not held where none of it is.`,
          table: { columns: COLUMNS, rows: result.rows.map((row) => cellsOf(row).map((cell) => cell.replaceAll(' ', '\u00a0') || '–')) },
          figures: result.rows.some(({ share }) => share !== null)
            ? [{ picture: (width) => shareChart({ rows: result.rows, limit: LIMIT, width }), alt: 'Share of each sampler in a run' }]
            : [],
        },
      ],
      notes: [
        ...(interrupted ? ['The command was interrupted: what is missing was not measured.'] : []),
        'Time is that of a whole run whose network answers at once with the same tensor, divided by its steps; each round runs every sampler and one call of the network, in an order in which each follows each of the others equally often. Intervals are of medians, by order statistics (95 %).',
        'Memory was counted in a run of its own: the bytes of tensors at the peak, above the state that the sampler was given, in tensors of the size of the batch. The answers of the network are among them, what the network holds while it computes is not.',
        'The share of a sampler falls with a larger network: this is a small one.',
        ...result.rows.flatMap(({ name, reason }) => (reason === null ? [] : [`\`${name}\` was not measured: ${reason}`])),
      ],
    }),
  );
  const output: Output<'bench-samplers'> = {
    ...base,
    status: interrupted ? 'interrupted' : 'finished',
    report: file,
    engine,
    machine: { ...machine },
    rounds: result.rounds,
    seconds,
    network: result.network,
    rows: result.rows.map(({ share, ...row }) => ({
      ...row,
      share: share && { median: share.median, interval: share.interval && [share.interval[0], share.interval[1]] },
    })),
  };
  emit(io, flags.json, output, [
    `${steps} steps of ${batchSize} × ${SHAPE.join('×')}; a call of ${result.network.name} takes ${milliseconds(result.network.milliseconds)}`,
    ...table([COLUMNS, ...result.rows.filter(({ status }) => status === 'measured').map(cellsOf)]),
    ...result.rows.flatMap(({ name, status, reason }) => (status === 'measured' ? [] : [`${name}: ${reason ?? status}`])),
    `report ${file}`,
  ]);
  if (interrupted) io.stderr('Interrupted: the report has what was measured until then.\n');
  return interrupted ? FAILED : OK;
};

const COLUMNS = ['sampler', 'calls', 'a step', 'share', '95 %', `≤ ${LIMIT} %`, 'tensors'];

const cellsOf = ({ name, nfe, millisecondsPerStep, share, stochastic, verdict, tensors }: SamplerRow): string[] => [
  name,
  nfe === null ? '' : String(nfe),
  milliseconds(millisecondsPerStep),
  share === null ? '' : `${formatNumber(share.median, 3)} %`,
  share === null
    ? ''
    : share.interval === null
      ? 'too few rounds'
      : `${formatNumber(share.interval[0], 3)} … ${formatNumber(share.interval[1], 3)}`,
  stochastic ? 'draws noise' : (verdict ?? ''),
  tensors === null ? '' : formatNumber(tensors, 3),
];

const milliseconds = (ms: number | null): string => (ms === null ? '' : `${formatNumber(ms, 3)} ms`);

const summaryOf = ({ rows }: SamplersResult, steps: number): string => {
  const judged = rows.filter(({ verdict }) => verdict !== null);
  if (judged.length === 0) return `The time of ${steps} steps without the network.`;
  const names = (which: SamplerRow['verdict']): string => judged.filter(({ verdict }) => verdict === which).map(({ name }) => `\`${name}\``).join(', '); // prettier-ignore
  const worst = judged.reduce((a, b) => (b.share!.median > a.share!.median ? b : a));
  const parts = (
    [
      ['held', 'held'],
      ['not held', 'not held'],
      ['not decided', 'not decided'],
    ] as const
  ).flatMap(([which, text]) => (names(which) === '' ? [] : [`${text} by ${names(which)}`]));
  return `Of a run of ${steps} steps at most ${LIMIT} % should be the sampler's: ${parts.join('; ')}. The most is ${formatNumber(worst.share!.median, 3)} %, of \`${worst.name}\`.`;
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

const commandOf = ({ batch, steps, rounds, samplers, seed, backend }: BenchSamplersFlags): string =>
  `tweedie bench samplers --batch ${batch} --steps ${steps} --rounds ${rounds}${samplers === undefined ? '' : ` --samplers ${JSON.stringify(samplers)}`} --seed ${seed}${backend === undefined ? '' : ` --backend ${backend}`}`;
