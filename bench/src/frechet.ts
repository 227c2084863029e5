import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { moments } from '@tweedie/analytic';
import { alternating, medianOf } from '@tweedie/cli';
import { createNoise, isTweedieError } from '@tweedie/core';
import { encodeReferenceStatistics } from '@tweedie/metrics';
import { headOf, type Session } from './document.ts';
import { startRival, type Rival, type RivalCommand, type Task } from './rival.ts';
import { answers, here } from './rivals.ts';

/** One who takes Fréchet distances, and what was measured: medians of milliseconds, of the clock and of the processor. */
export interface FrechetRow {
  readonly name: string;
  readonly about: string | null;
  readonly reason: string | null;
  /** The distance of the two laws, and of one from itself. */
  readonly values: readonly number[] | null;
  readonly distance: Taken | null;
  readonly images: Taken | null;
}
interface Taken {
  readonly milliseconds: number;
  readonly processor: number;
}

export const FEATURES = 2048;
const ROWS = 2500;

/** Statistics of rows whose scales fall as 1/(1 + i/50): two files of 2048 features, full rank, of condition 3e4 or so. */
export const writeFrechetFiles = async (folder: string, features = FEATURES, rows = ROWS): Promise<readonly [string, string]> => {
  const file = async (seed: number): Promise<string> => {
    const collected = moments(features);
    for (let first = 0; first < rows; first += 500) {
      const z = createNoise(seed).hostNormal([500, features], { stream: 1000, step: first });
      collected.add(z.map((value, i) => (value + 0.1 * seed) / (1 + (i % features) / 50)));
    }
    const path = join(folder, `statistics-${seed}.npz`);
    await writeFile(path, encodeReferenceStatistics(collected.result()));
    return path;
  };
  return [await file(1), await file(2)];
};

interface Entrant extends RivalCommand {
  readonly tasks: readonly Task[];
  readonly absent?: string;
}

const entrants = async (python: string, cores: number, files: readonly string[]): Promise<readonly Entrant[]> => {
  const native = await here('tfjs-node');
  const scipy = answers(python, 'import scipy') ? {} : { absent: 'the Python that was given has no SciPy, or there is none' };
  const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const node = { command: process.execPath };
  return [
    { name: 'Tweedie wasm', tasks: ['distance', 'images'], ...node, args: [beside('./frechet-contestant.js'), 'wasm', ...files] },
    { name: 'Tweedie tfjs-node', tasks: ['images'], ...node, args: [beside('./frechet-contestant.js'), 'tfjs-node', ...files], ...native },
    ...(cores > 1 ? [1, cores] : [1]).map((n): Entrant => {
      const env = { OMP_NUM_THREADS: String(n), OPENBLAS_NUM_THREADS: String(n) };
      const args = [beside('../frechet.py'), ...files];
      return { name: `SciPy, ${n} thread${n > 1 ? 's' : ''}`, tasks: ['distance'], command: python, args, env, ...scipy };
    }),
  ];
};

/** Everyone in turns, after one run each that does not count. */
export const measureFrechet = async (options: {
  readonly folder: string;
  readonly python: string;
  readonly cores: number;
  readonly rounds: number;
  readonly onProgress: (note: string) => void;
}): Promise<readonly FrechetRow[]> => {
  const { folder, python, cores, rounds, onProgress } = options;
  onProgress('statistics of 2048 features');
  const everyone = await entrants(python, cores, await writeFrechetFiles(folder));
  const rivals = new Map<Entrant, Rival>();
  const reasons = new Map<Entrant, string>();
  const values = new Map<Entrant, readonly number[]>();
  const taken = new Map<Entrant, Partial<Record<Task, Taken>>>();
  try {
    for (const entrant of everyone) {
      if (entrant.absent !== undefined) reasons.set(entrant, entrant.absent);
      else
        try {
          onProgress(`start ${entrant.name}`);
          const rival = await startRival(entrant);
          rivals.set(entrant, rival);
          if (entrant.tasks.includes('distance')) values.set(entrant, (await rival.ask('check')).values!);
        } catch (error) {
          if (!isTweedieError(error)) throw error;
          reasons.set(entrant, error.message);
        }
    }
    for (const task of ['distance', 'images'] as const) {
      const able = [...rivals].filter(([entrant]) => entrant.tasks.includes(task) && !reasons.has(entrant));
      const found = new Map<Entrant, { milliseconds: number; processor: number }[]>(able.map(([entrant]) => [entrant, []]));
      await alternating({
        contestants: able.map(([entrant, rival]) => ({
          name: entrant.name,
          run: async () => {
            const { milliseconds, processor } = await rival.ask(task);
            found.get(entrant)!.push({ milliseconds: milliseconds!, processor: processor! });
          },
        })),
        rounds,
        warmup: 1,
        onRound: (done) => onProgress(`${task} ${done}/${rounds + 1}`),
      });
      for (const [entrant, each] of found) {
        const counted = each.slice(1);
        const median = (key: keyof Taken): number => medianOf(counted.map((one) => one[key]));
        taken.set(entrant, { ...taken.get(entrant), [task]: { milliseconds: median('milliseconds'), processor: median('processor') } });
      }
    }
  } finally {
    for (const rival of rivals.values()) await rival.close();
  }
  return everyone.map((entrant) => ({
    name: entrant.name,
    about: rivals.get(entrant)?.about ?? null,
    reason: reasons.get(entrant) ?? null,
    values: values.get(entrant) ?? null,
    distance: taken.get(entrant)?.distance ?? null,
    images: taken.get(entrant)?.images ?? null,
  }));
};

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;

/** docs/bench-frechet.md: what was measured. */
export const frechetDocument = (rows: readonly FrechetRow[], rounds: number, session: Session): string => {
  const line = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const table = (task: 'distance' | 'images', heads: readonly string[], cells: (row: FrechetRow) => readonly string[]): string[] => [
    line('', 'time', 'processor time', ...heads),
    line('---', '---:', '---:', ...heads.map(() => '---:')),
    ...rows
      .filter((row) => row[task] !== null)
      .map((row) => line(row.name, seconds(row[task]!.milliseconds), seconds(row[task]!.processor), ...cells(row))),
    '',
  ];
  const absent = rows.filter(({ reason }) => reason !== null);
  return `${[
    ...headOf('The Fréchet distance, measured', 'npm run bench -- --part frechet', session),
    `## Two laws of ${FEATURES} features`,
    '',
    `Covariances of full rank, float64: \`frechetDistance\` beside \`scipy.linalg.sqrtm\` of their product. Medians of ${rounds} rounds in turns. The last column is the distance of a law from itself, which is 0.`,
    '',
    ...table('distance', ['distance', 'from itself'], ({ values }) => [values![0]!.toFixed(9), values![1]!.toExponential(1)]),
    '## 10 000 images',
    '',
    'From the pixels of 10 000 digits to `FD-mnistnet` with its interval; the statistics of the real ones are known, as they are from a second run on.',
    '',
    ...table('images', [], () => []),
    ...(absent.length === 0 ? [] : [...absent.map(({ name, reason }) => `${name}: ${reason}.`), '']),
    ...rows.flatMap(({ name, about }) => (about === null ? [] : [`- ${name}: ${about}`])),
  ]
    .join('\n')
    .trimEnd()}\n`;
};
