import { rangeAbove, type Estimate, type TargetVariance } from '@tweedie/metrics';
import { table } from '../io.ts';
import type { Output } from '../outputs.ts';
import { formatNumber, lineChart, type Line, type Report, type ReportRecord, type Role } from '../report/index.ts';

type Findings = Pick<Output<'variance'>, 'middle' | 'beyond'>;

/** The share of its greatest value above which σ²V_DSM counts as high. */
const HIGH = 0.1;
/** An effective sample size above which a target is an average. */
const AVERAGE = 2;

/** The phases, from the numbers: where σ²V_DSM is high, and where the effective size of each reference is above 2. */
export const found = ({ levels }: TargetVariance): Findings => {
  const sigmas = levels.map(({ sigma }) => sigma);
  const dsm = levels.map(({ references }) => references[0]!.variance.value);
  const peak = Math.max(...dsm);
  const range = peak > 0 ? rangeAbove(sigmas, dsm, HIGH * peak) : undefined;
  return {
    middle: range === undefined ? null : { peak, peakSigma: sigmas[dsm.indexOf(peak)]!, from: range.from, to: range.to },
    beyond: levels[0]!.references.slice(1).map(({ n }, r) => {
      const over = rangeAbove(
        sigmas,
        levels.map(({ references }) => references[r + 1]!.ess.value),
        AVERAGE,
      );
      return { n, range: over === undefined ? null : { from: over.from, to: over.to } };
    }),
  };
};

const sizeOf = (n: number): string => (n === 1 ? 'n = 1 (DSM)' : `n = ${n}`);
const between = (ends: { readonly from: number | null; readonly to: number | null }): string => {
  const [from, to] = [ends.from, ends.to].map((at) => (at === null ? null : formatNumber(at, 2)));
  if (from === null && to === null) return 'at every level measured';
  if (from === null) return `from the least level measured to σ = ${to!}`;
  return to === null ? `from σ = ${from} up to the greatest level measured` : `from σ = ${from!} to ${to}`;
};

/** What the numbers say, a sentence each. */
const sentences = ({ middle, beyond }: Findings, levels: Output<'variance'>['levels']): string[] => {
  if (middle === null)
    return ['σ²V of denoising score matching is 0 at every level measured: no noisy point has more than one data point in reach.'];
  const at = levels.find(({ sigma }) => sigma === middle.peakSigma)!;
  const left = at.references
    .slice(1)
    .map(({ n, variance }) => `n = ${n} leaves ${formatNumber((100 * variance) / middle.peak, 2)} % of it`);
  return [
    `σ²V of denoising score matching is above a tenth of its greatest value ${between(middle)}; of the levels measured σ = ${formatNumber(middle.peakSigma, 3)} has the greatest, ${formatNumber(middle.peak, 3)}${left.length === 0 ? '' : `; there ${left.join(', ')}`}.`,
    ...beyond.map(({ n, range }) =>
      range === null
        ? `The effective size of a reference of ${n} is nowhere above ${AVERAGE}.`
        : `The effective size of a reference of ${n} is above ${AVERAGE} ${between(range)}.`,
    ),
  ];
};

/** Below this share of the greatest variance a number is the rounding of float32. */
const RESOLUTION = 1e-10;

type Show = (value: number) => string;
const rows = (
  { levels }: Pick<Output<'variance'>, 'levels'>,
  peak: number,
  show: Show,
): { readonly variance: string[][]; readonly ess: string[][] } => {
  const small = (value: number): string => (value < RESOLUTION * peak ? '0' : show(value));
  const sizes = levels[0]!.references.map(({ n }) => n);
  return {
    variance: [
      ['σ', ...sizes.map(sizeOf)],
      ...levels.map(({ sigma, references }) => [
        show(sigma),
        ...references.map(({ variance, varianceInterval: [low, high] }) =>
          small(high) === '0' ? '0' : `${small(variance)} (${small(low)} to ${small(high)})`,
        ),
      ]),
    ],
    ess: [
      ['σ', ...sizes.slice(1).map(sizeOf), 'all'],
      ...levels.map(({ sigma, references, essOfAll }) => [
        show(sigma),
        ...references.slice(1).map(({ ess, essInterval: [low, high] }) => `${show(ess)} (${show(low)} to ${show(high)})`),
        show(essOfAll),
      ]),
    ],
  };
};

/** The lines of a terminal. */
export const printed = (output: Output<'variance'>): string[] => {
  const { variance, ess } = rows(output, output.middle?.peak ?? 0, (value) => formatNumber(value, 3));
  return [
    `σ²V of the target by reference size, 95 % intervals; the population is the ${output.population} points of ${output.data}:`,
    ...table(variance),
    '',
    'Effective sample size of the reference:',
    ...table(ess),
    '',
    ...sentences(output, output.levels),
  ];
};

const COLOURS: readonly Role[] = ['first', 'second', 'third', 'fourth', 'fifth'];

/** The report: two pictures, two tables, and what the numbers say. */
export const reported = (
  measured: TargetVariance,
  findings: Findings,
  levels: Output<'variance'>['levels'],
  record: ReportRecord,
): Report => {
  const { data, population, rows: drawn, blocks } = measured;
  const sizes = measured.levels[0]!.references.map(({ n }) => n);
  const x = measured.levels.map(({ sigma }) => sigma);
  const line = (name: string, colour: Role, estimates: readonly Estimate[]): Line => ({
    name,
    colour,
    x,
    y: estimates.map(({ value }) => value),
    interval: { low: estimates.map(({ interval: [low] }) => low), high: estimates.map(({ interval: [, high] }) => high) },
    style: 'dots',
  });
  const chart =
    (yLabel: string, lines: readonly Line[], logY: boolean) =>
    (width: number): string =>
      lineChart({ lines, xLabel: 'noise level σ', yLabel, log: { x: true, y: logY }, width, height: width < 500 ? 280 : 360 });
  const of = (r: number, what: 'variance' | 'ess'): readonly Estimate[] => measured.levels.map(({ references }) => references[r]![what]);
  const cells = rows({ levels }, findings.middle?.peak ?? 0, (value) => formatNumber(value, 3));
  const asTable = ([columns, ...body]: readonly (readonly string[])[]): {
    columns: readonly string[];
    rows: readonly (readonly string[])[];
  } => ({
    columns: columns!,
    rows: body.map((row) => row.map((cell) => cell.replaceAll(' to ', '\u00a0to\u00a0'))), // breaks before the bracket
  });
  const said = sentences(findings, levels);
  return {
    title: `How much the targets of ${data.split('@')[0]!} vary`,
    summary: said[0]!,
    record,
    sections: [
      {
        title: 'Variance of the target',
        text: 'σ²V is the mean square distance from the target that a training step regresses on to the one without variance, in units of the noise: E‖x̄ − D‖²/σ². With n = 1 the target is the data point x₀ itself, denoising score matching; with n points it is their posterior mean, the stable target field. D is the posterior mean over the whole data set.',
        figures: [
          {
            alt: 'σ²V by noise level, a line for each size of reference',
            picture: chart(
              'σ²V',
              sizes.map((n, r) => line(sizeOf(n), COLOURS[r]!, of(r, 'variance'))),
              false,
            ),
            caption: `Bands are 95 % intervals. ${said[0]!}`,
          },
        ],
      },
      {
        title: 'How many points a target is made of',
        text: 'The effective sample size 1/Σw² of the weights: 1 where one point has all the weight, and the target is that of denoising score matching.',
        figures: [
          {
            alt: 'Effective sample size by noise level, a line for each size of reference, both axes logarithmic',
            picture: chart(
              'effective sample size',
              [
                ...sizes.slice(1).map((n, r) => line(sizeOf(n), COLOURS[r + 1]!, of(r + 1, 'ess'))),
                line(
                  `all ${population}`,
                  'data',
                  measured.levels.map(({ essOfAll }) => essOfAll),
                ),
              ],
              true,
            ),
            caption: said.slice(1).join(' '),
          },
        ],
      },
      { title: 'σ²V by size of reference', text: '95 % intervals in brackets.', table: asTable(cells.variance) },
      { title: 'Effective sample size by size of reference', table: asTable(cells.ess) },
    ],
    notes: [
      `The population is this data set: ${population} points of \`${data}\`. It is finite: as σ → 0 the posterior of a noisy point is the one point that it came from, every target agrees with it, and V is 0. A continuous law of the same look would not do that.`,
      `${drawn} noisy points in ${blocks} independent blocks; the rows of a block share their other ${sizes.at(-1)! - 1} references, drawn i.i.d., and each has its own x₀ besides. Intervals are Student’s t over the blocks, for each level alone: levels and sizes share their draws, so that curves may be compared, and move together.`,
      'An interval does not see what no row has met: where one row in a thousand has another point in reach, it may well be 0 to 0. Block means are skewed where few rows or references carry the sum; there the interval holds the truth less often than 95 %.',
      'A point that is drawn twice counts twice in an effective sample size. Variances below 10⁻¹⁰ of the greatest are shown as 0: they are rounding of float32.',
    ],
  };
};
