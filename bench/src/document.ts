import { medianOf, verdictOf, type Machine, type Ratio } from '@tweedie/cli';
import { ratioOf, type Row } from './measure.ts';
import type { Task } from './rival.ts';
import type { Profile } from './profiles.ts';
import { BATCH, network, STEPS } from './problem.ts';
import { MEMORY_TARGET, targetOf } from './targets.ts';

export interface Measured {
  readonly rows: readonly Row[];
  readonly rounds: number;
  readonly cold: { readonly help: readonly number[]; readonly node: readonly number[] };
  readonly profiles: readonly Profile[];
  readonly session: Session;
}

/** Where and when. */
export interface Session {
  readonly machine: Machine;
  /** ISO 8601. */
  readonly date: string;
}

/** What stands above the numbers of a document that `command` writes. */
export const headOf = (title: string, command: string, { machine, date }: Session): string[] => [
  `# ${title}`,
  '',
  '<!-- Written by `npm run bench`. Not edited by hand. -->',
  '',
  `\`${command}\`, ${date.slice(0, 10)}, in one session on one machine: ${machine.cores} cores of ${machine.processor}, ${machine.memory} GiB, ${machine.os}, Node ${machine.node}.`,
  '',
];

/** docs/bench.md: what `npm run bench` measured, as it was measured. */
export const documentOf = ({ rows, rounds, cold, profiles, session }: Measured): string => {
  const parameters = network.parameters.reduce((sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1), 0);
  return `${[
    ...headOf('Engines, measured', 'npm run bench -- --part engines', session),
    `The network of the quickstart (\`${network.name}\`, ${parameters} weights) on ${BATCH} digits. Every rival is a process of its own on the same weights, and takes its turn once a round, four runs of which three are timed: ${rounds} rounds that count, in an order in which each follows each of the others equally often. Times are medians. Ratios are medians of the rounds' ratios to PyTorch with as many cores, with their 95 % interval; a target is held where the whole interval is within it.`,
    '',
    ...section(rows, 'train', 'A training step', 'Batch, noise, loss, gradient, Adam, moving average.'),
    ...section(rows, 'call', 'A network call', 'D(y; σ) with classes, read back.'),
    ...section(
      rows,
      'sample',
      `${BATCH} digits in ${STEPS} calls`,
      'DPM-Solver++(2M), from noise to pixels. What solvers take beside their calls is measured by `tweedie bench samplers`.',
    ),
    ...memorySection(rows),
    ...agreementSection(rows),
    '## Cold start',
    '',
    `\`tweedie --help\`: ${ms(medianOf(cold.help))} (an empty Node program: ${ms(medianOf(cold.node))}); 150 ms at most is wanted: ${medianOf(cold.help) <= 150 ? 'held' : 'not held'}.`,
    '',
    ...absentSection(rows),
    ...profileSection(profiles),
  ]
    .join('\n')
    .trimEnd()}\n`;
};

const ms = (value: number): string =>
  value >= 10_000 ? `${(value / 1000).toFixed(0)} s` : `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`;
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

const line = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** The PyTorch row that a row is compared with. */
const baseOf = (rows: readonly Row[], { entrant }: Row): Row | undefined =>
  rows.find(({ entrant: { group, threads } }) => group === 'pytorch' && threads === entrant.threads);

const ratioText = ({ median, interval }: Ratio): string =>
  `${median.toFixed(2)}${interval === null ? '' : ` (${interval[0].toFixed(2)} … ${interval[1].toFixed(2)})`}`;

const section = (rows: readonly Row[], task: Task, title: string, text: string): string[] => {
  const measured = rows.filter(({ times }) => times[task] !== undefined);
  if (measured.length === 0) return [];
  return [
    `## ${title}`,
    '',
    text,
    '',
    line('', 'time', '× PyTorch', 'target', ''),
    line('---', '---:', '---:', '---:', '---'),
    ...measured.map((row) => {
      const ratio = row.entrant.group === 'pytorch' ? null : ratioOf(row, baseOf(rows, row), task);
      const target = targetOf(row.entrant, task);
      return line(
        `${row.entrant.name}${row.entrant.once === undefined ? '' : ' (one run)'}`,
        ms(medianOf(row.times[task]!)),
        ratio === null ? '' : ratioText(ratio),
        target === undefined ? '' : `≤ ${target}`,
        ratio === null || target === undefined ? '' : verdictOf(ratio, target),
      );
    }),
    '',
  ];
};

const memorySection = (rows: readonly Row[]): string[] => {
  const measured = rows.filter(({ peakBytes }) => peakBytes !== null);
  return [
    '## Memory',
    '',
    `Greatest resident memory of a fresh process that takes five training steps, and how much of that it had before the first: a library that is large on disk is large here too. ≤ ${MEMORY_TARGET} × PyTorch's peak is wanted.`,
    '',
    line('', 'peak', 'before', 'peak × PyTorch', ''),
    line('---', '---:', '---:', '---:', '---'),
    ...measured.map((row) => {
      const base = baseOf(rows, row)?.peakBytes ?? null;
      const ratio = row.entrant.group === 'pytorch' || base === null ? null : row.peakBytes! / base;
      const judged = ratio !== null && row.entrant.group === 'tweedie';
      return line(
        row.entrant.name,
        mebibytes(row.peakBytes!),
        mebibytes(row.idleBytes!),
        ratio === null ? '' : ratio.toFixed(2),
        judged ? (ratio <= MEMORY_TARGET ? 'held' : 'not held') : '',
      );
    }),
    '',
  ];
};

const agreementSection = (rows: readonly Row[]): string[] => {
  const measured = rows.filter(({ difference }) => difference !== null);
  return [
    '## Agreement',
    '',
    `Greatest difference over an image of D(y; σ), before anything was timed, from that of ${measured[0]?.entrant.name ?? 'nobody'}:`,
    '',
    line('', 'max \\|ΔD\\|', ''),
    line('---', '---:', '---'),
    ...measured.map(({ entrant, difference, about }) => line(entrant.name, difference!.toExponential(1), about ?? '')),
    '',
  ];
};

const absentSection = (rows: readonly Row[]): string[] => {
  const missing = rows.filter(({ reason }) => reason !== null);
  return missing.length === 0 ? [] : ['## Not measured', '', ...missing.map(({ entrant, reason }) => `- ${entrant.name}: ${reason}`), ''];
};

const profileSection = (profiles: readonly Profile[]): string[] =>
  profiles.length === 0
    ? []
    : [
        '## Where the time goes',
        '',
        'One thread. A kernel has the time that it took without the kernels that it called itself. The floor is what convolutions and products would take at the rate that the engine reaches on a product of two matrices of 1024²; an algorithm that needs fewer multiplications (Winograd) can be below it.',
        '',
        ...profiles.flatMap(({ title, text }) => ['```', `$ ${title}`, text, '```', '']),
      ];
