import type { Section, Table } from '@tweedie/cli';
import { formatNumber } from '@tweedie/cli';
import type { Claim, Conclusion, Finding } from './claim.ts';

/** A claim with what came of it, or why nothing did. */
export interface Studied {
  readonly claim: Pick<Claim, 'id' | 'method' | 'paper' | 'budget'>;
  readonly conclusion?: Conclusion;
  /** Why there is none. */
  readonly missing?: string;
  /** Where and when its cells were made: engines, first and last day, commits, and seconds together. */
  readonly made?: Made;
}

export interface Made {
  readonly cells: number;
  readonly engines: readonly string[];
  readonly days: readonly string[];
  readonly commits: readonly string[];
  readonly seconds: number;
}

export interface DocumentOptions {
  readonly studied: readonly Studied[];
  readonly quick: boolean;
  /** File of a figure, relative to the document: figures are written beside it. */
  readonly fileOf: (claim: string, figure: number) => string;
}

/** docs/claims.md: what `npm run claims` found, claim by claim. */
export const documentOf = ({ studied, quick, fileOf }: DocumentOptions): string =>
  `${[
    '# The claims, on real data',
    '',
    '<!-- Written by `npm run claims`. Not edited by hand. -->',
    '',
    `What the papers behind Tweedie claim, and what became of it here, by \`npm run claims${quick ? ' -- --quick' : ''}\`. A claim _holds_ where the 95 % interval of the number that decides lies on its side; it does _not hold_ where the interval lies on the other; it is _not decided_ where both remain possible. Small networks on small images: what is shown here is shown for them.`,
    '',
    ...verdictTable(studied),
    '',
    ...studied.flatMap((each) => claimSection(each, quick, fileOf)),
  ]
    .join('\n')
    .trimEnd()}\n`;

/** The table of verdicts, with what was measured; the README's has the verdicts alone, and `link` leads from it to the rest. */
export const verdictTable = (studied: readonly Studied[], link?: string): string[] => {
  const row = (...[method, claim, measured, verdict]: readonly [string, string, string, string]): string =>
    link === undefined ? line(method, claim, measured, verdict) : line(method, claim, verdict);
  return [
    row('method', 'claim', 'measured', 'verdict'),
    row('---', '---', '---', '---'),
    ...studied.flatMap(({ claim: { id, method }, conclusion, missing }) => {
      const name = `[${method}](${link ?? ''}#${id})`;
      return conclusion === undefined
        ? [row(name, '', missing ?? '', 'not run')]
        : conclusion.findings.map(({ claim, measured, verdict }) => row(name, cellText(claim), cellText(measured), `**${verdict}**`));
    }),
  ];
};

const claimSection = ({ claim, conclusion, missing, made }: Studied, quick: boolean, fileOf: DocumentOptions['fileOf']): string[] => {
  const head = [`## ${claim.id}`, '', `${claim.method}. ${claim.paper}`, ''];
  if (conclusion === undefined) return [...head, `Not run: ${missing ?? 'no cells'}`, ''];
  let figure = 0;
  return [
    ...head,
    ...conclusion.findings.flatMap(findingText),
    ...conclusion.sections.flatMap((section) => [
      ...sectionText(section),
      ...(section.figures ?? []).flatMap(({ alt, caption }) => [
        `![${alt}](${fileOf(claim.id, figure++)})`,
        ...(caption === undefined ? [''] : ['', `_${caption}_`, '']),
      ]),
    ]),
    ...(conclusion.notes ?? []).map((note) => `- ${note}`),
    ...(conclusion.notes === undefined ? [] : ['']),
    ...(made === undefined ? [] : [madeText(claim, made, quick), '']),
  ];
};

const findingText = ({ claim, ran, measured, verdict, because }: Finding): string[] => [
  `**${claim}** — ${verdict}.`,
  '',
  `- run: ${ran}`,
  `- measured: ${measured}`,
  ...(because === undefined ? [] : [`- because: ${because}`]),
  '',
];

const sectionText = ({ title, text, table }: Section): string[] => [
  `### ${title}`,
  '',
  ...(text === undefined ? [] : [text, '']),
  ...(table === undefined ? [] : [...tableText(table), '']),
];

const tableText = ({ columns, rows }: Table): string[] => [
  line(...columns),
  line(...columns.map((_, i) => (i === 0 ? '---' : '---:'))),
  ...rows.map((row) => line(...row.map((cell) => (typeof cell === 'number' ? formatNumber(cell, 3) : cellText(cell))))),
];

const madeText = ({ id, budget }: Studied['claim'], { cells, engines, days, commits, seconds }: Made, quick: boolean): string =>
  `${cells} cells on ${engines.join(', ')}, ${days.join(' to ')}, commit ${commits.join(', ')}; ${Math.round(seconds / 60)} minutes together, of a budget of ${budget[quick ? 'quick' : 'whole']}. \`npm run claims -- ${quick ? '--quick ' : ''}--only ${id}\` makes anew what \`${quick ? 'runs/claims-quick' : 'claims'}/records/${id}\` lacks.`;

const line = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const cellText = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
