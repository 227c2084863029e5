import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getBackend, version_core } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import { describeMachine, openPool, writeReport, type Figure, type Pool } from '@tweedie/cli';
import { isTweedieError, tweedieError } from '@tweedie/core';
import { writeFileAtomic } from '@tweedie/core/node';
import type { Claim, Lab } from './claim.ts';
import { documentOf, verdictTable, type Made, type Studied } from './document.ts';
import { openStore, type Store, type StoredCell } from './store.ts';

export interface RunClaimsOptions {
  readonly claims: readonly Claim[];
  /** Folder of the project. */
  readonly root: string;
  readonly quick?: boolean;
  readonly only?: readonly string[];
  /** Make no cell: documents from the records that are there. */
  readonly report?: boolean;
  readonly workers?: number;
  readonly print?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** A clock in milliseconds. */
  readonly now?: () => number;
}

/** Where a run of the claims reads and writes, relative to the project. */
export const placesOf = (quick: boolean) =>
  quick
    ? {
        records: 'runs/claims-quick/records',
        document: 'runs/claims-quick/claims.md',
        report: 'runs/claims-quick/report.html',
        readme: undefined,
      }
    : { records: 'claims/records', document: 'docs/claims.md', report: 'runs/claims/report.html', readme: 'README.md' };

const workshopOf = (root: string, quick: boolean, id: string): string => join(root, 'runs', quick ? 'claims-quick' : 'claims', id);

const SPENT = 'SPENT';

/** Makes the cells of the claims that are asked for, then writes the documents from the records of all. Returns what was concluded. */
export const runClaims = async ({
  claims,
  root,
  quick = false,
  only,
  report = false,
  workers = 1,
  print = () => undefined,
  signal,
  now = () => performance.now(),
}: RunClaimsOptions): Promise<readonly Studied[]> => {
  const unknown = only?.find((id) => !claims.some((claim) => claim.id === id));
  if (unknown !== undefined)
    throw tweedieError({
      subject: '--only',
      problem: 'there is no such claim',
      got: unknown,
      expected: claims.map(({ id }) => id).join(', '),
    });
  const places = placesOf(quick);
  const records = join(root, places.records);
  const base = { quick, root, print, ...(signal === undefined ? {} : { signal }) };

  if (!report) {
    await selectEngine();
    const commit = await commitOf(root);
    let pool: Promise<Pool> | undefined;
    try {
      for (const claim of claims.filter(({ id }) => only === undefined || only.includes(id))) {
        print(`${claim.id}: ${claim.method}`);
        const began = now();
        const minutes = claim.budget[quick ? 'quick' : 'whole'];
        const store = openStore({
          folder: records,
          claim: claim.id,
          made: () => {
            if (signal?.aborted === true)
              throw tweedieError({ subject: 'claims', problem: 'interrupted; the cells that were made are kept', code: 'INTERRUPTED' });
            if (now() - began >= minutes * 60_000) throw tweedieError({ subject: claim.id, problem: 'the budget is spent', code: SPENT });
            return { engine: getBackend(), commit, date: new Date().toISOString() };
          },
          onMade: ({ key, made: { seconds } }) => print(`  ${claim.id} ${shortly(key)}: ${Math.round(seconds)} s`),
        });
        const lab: Lab = {
          ...base,
          folder: workshopOf(root, quick, claim.id),
          cell: store.cell,
          pool: async () => (workers === 1 ? undefined : (pool ??= openPool({ workers }))),
        };
        try {
          await claim.study(lab);
        } catch (error) {
          if (!isTweedieError(error) || error.complaint.code !== SPENT) throw error;
          print(`  the budget of ${minutes} minutes is spent; the same command again goes on`);
        }
      }
    } finally {
      await (await pool)?.close();
    }
  }
  return writeDocuments({ claims, root, quick, print });
};

/** The documents, from records alone. */
export const writeDocuments = async ({
  claims,
  root,
  quick = false,
  print = () => undefined,
}: Pick<RunClaimsOptions, 'claims' | 'root' | 'quick' | 'print'>): Promise<readonly Studied[]> => {
  const places = placesOf(quick);
  const studied = await concluded({ claims, root, quick });
  const document = join(root, places.document);
  const fileOf = figureFile(places.document);
  for (const { claim, conclusion } of studied) {
    const figures = (conclusion?.sections ?? []).flatMap((section) => section.figures ?? []);
    for (const [i, figure] of figures.entries()) await writeFileAtomic(join(document, '..', fileOf(claim.id, i)), svgOf(figure));
  }
  await writeFileAtomic(document, documentOf({ studied, quick, fileOf }));
  if (places.readme !== undefined) await writeVerdicts(join(root, places.readme), studied);
  await writeReport(join(root, places.report), {
    title: 'The claims, on real data',
    summary: 'What the papers behind Tweedie claim, and what became of it here.',
    record: {
      command: `npm run claims${quick ? ' -- --quick' : ''}`,
      date: new Date().toISOString(),
      seed: 'in every cell',
      engine: [...new Set(studied.flatMap(({ made }) => made?.engines ?? []))].join(', '),
      machine: describeMachine(),
      config: {},
      versions: { '@tensorflow/tfjs-core': version_core },
    },
    sections: studied.flatMap(({ claim, conclusion, missing }) => [
      {
        title: claim.method,
        text: `${claim.paper}${conclusion === undefined ? `\n\nNot run: ${missing ?? 'no cells'}` : ''}`,
        ...(conclusion === undefined
          ? {}
          : {
              table: {
                columns: ['claim', 'run', 'measured', 'verdict'],
                rows: conclusion.findings.map((f) => [
                  f.claim,
                  f.ran,
                  f.measured,
                  f.because === undefined ? f.verdict : `${f.verdict}: ${f.because}`,
                ]),
              },
            }),
      },
      ...(conclusion?.sections ?? []),
    ]),
    notes: studied.flatMap(({ claim, conclusion }) => (conclusion?.notes ?? []).map((note) => `${claim.method}: ${note}`)),
  });
  print(`${places.document}, ${places.report}`);
  return studied;
};

/** Where the figures of a document lie: in a folder of its name, beside it. */
export const figureFile =
  (document: string) =>
  (claim: string, figure: number): string =>
    `${document.split('/').at(-1)!.replace(/\.md$/, '')}/${claim}-${figure + 1}.svg`;

/** What the stored records say, claim by claim. */
export const concluded = async ({
  claims,
  root,
  quick = false,
}: Pick<RunClaimsOptions, 'claims' | 'root' | 'quick'>): Promise<readonly Studied[]> => {
  const studied: Studied[] = [];
  for (const claim of claims) {
    const store = openStore({ folder: join(root, placesOf(quick).records), claim: claim.id });
    const lab: Lab = {
      quick,
      root,
      folder: workshopOf(root, quick, claim.id),
      cell: store.cell,
      pool: () => Promise.resolve(undefined),
      print: () => undefined,
    };
    try {
      const conclusion = await claim.study(lab);
      studied.push({ claim, conclusion, made: madeOf(store) });
    } catch (error) {
      if (!isTweedieError(error) || error.complaint.code !== 'MISSING') throw error;
      studied.push({ claim, missing: `some of its cells were not made; \`npm run claims${quick ? ' -- --quick' : ''}\` makes them` });
    }
  }
  return studied;
};

const madeOf = ({ used }: Store): Made => {
  const days = [...new Set(used.map(({ made }) => made.date.slice(0, 10)))].sort();
  return {
    cells: used.length,
    engines: [...new Set(used.map(({ made }) => made.engine))].sort(),
    days: days.length > 1 ? [days[0]!, days.at(-1)!] : days,
    commits: [...new Set(used.map(({ made }) => made.commit))],
    seconds: used.reduce((sum, { made }) => sum + made.seconds, 0),
  };
};

/** A figure as one SVG file. */
const svgOf = ({ picture }: Figure): string => {
  if (picture instanceof Uint8Array)
    return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="760" height="760"><image href="data:image/png;base64,${Buffer.from(picture).toString('base64')}" width="760" height="760"/></svg>`;
  const [first] = typeof picture === 'function' ? [picture(760)] : picture;
  return first!;
};

const BEGIN = '<!-- claims: written by `npm run claims` -->';
const END = '<!-- /claims -->';

/** The table of verdicts between its marks in the README. */
const writeVerdicts = async (path: string, studied: readonly Studied[]): Promise<void> => {
  if (!existsSync(path)) return;
  const text = await readFile(path, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) return;
  const made = studied.flatMap((each) => each.made ?? []);
  const days = made.flatMap(({ days: own }) => own).sort();
  const when =
    days.length === 0
      ? 'Not run yet.'
      : `${days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`}, commit ${[...new Set(made.flatMap(({ commits }) => commits))].join(', ')}.`;
  await writeFileAtomic(path, `${before}${BEGIN}\n\n${verdictTable(studied, 'docs/claims.md').join('\n')}\n\n${when}\n\n${END}${after}`);
};

const shortly = (key: StoredCell['key']): string =>
  Object.entries(key)
    .filter(([name]) => !['model', 'files', 'levels', 'data', 'labels'].includes(name))
    .map(([name, value]) => `${name} ${typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)}`)
    .join(', ')
    .slice(0, 160);

const commitOf = async (root: string): Promise<string> => {
  try {
    const git = async (...args: string[]): Promise<string> =>
      (await promisify(execFile)('git', args, { cwd: root, timeout: 5000 })).stdout.trim();
    const [commit, changes] = await Promise.all([
      git('rev-parse', '--short=8', 'HEAD'),
      git('status', '--porcelain', '--untracked-files=no'),
    ]);
    return changes === '' ? commit : `${commit} with changes`;
  } catch {
    return 'unknown';
  }
};
