import { join } from 'node:path';
import { version_core } from '@tensorflow/tfjs-core';
import { describeMachine, encodePng, imageGrid, scatterChart, trajectories, vectorField, writeReport } from '@tweedie/cli';
import { processes, type MetricResult } from '@tweedie/core';
import { writeFileAtomic } from '@tweedie/core/node';

/** Scores at one noise level. */
export interface Field {
  readonly rho: number;
  /** Root mean square of (learnt − exact), relative to that of the exact score, over n noisy data points. */
  readonly error: number;
  readonly n: number;
  /** On a lattice of 21 × 21. */
  readonly arrows: { readonly learnt: Float32Array; readonly exact: Float32Array };
  /** Of the noisy data, on a lattice of 42 × 42. */
  readonly density: Float64Array;
}

/** What one sampler drew. */
export interface Drawn {
  readonly sampler: string;
  readonly nfe: number;
  /** [n, 2] at each level, the last one the points. */
  readonly states: readonly Float32Array[];
  readonly score: MetricResult;
  readonly seconds: number;
}

export interface Shown {
  readonly folder: string;
  readonly points: Float32Array;
  readonly losses: readonly number[];
  readonly fields: readonly Field[];
  readonly drawn: readonly Drawn[];
  readonly engine: string;
  readonly seed: number;
  readonly seconds: { readonly training: number };
  readonly config: Readonly<Record<string, unknown>>;
}

const range = [-1.3, 1.3] as const;

/** The middles of side × side cells of the frame, row by row from below. */
export const lattice = (side: number): Float32Array =>
  Float32Array.from({ length: 2 * side * side }, (_, i) => {
    const cell = i % 2 === 0 ? (i >> 1) % side : Math.floor(i / (2 * side));
    return range[0] + ((cell + 0.5) / side) * (range[1] - range[0]);
  });

/** Charts as files, a picture of the points, and a report of it all. */
export const show = async ({ folder, points, losses, fields, drawn, engine, seed, seconds, config }: Shown): Promise<void> => {
  const some = points.subarray(0, 2000);
  const charts = {
    learnt: fields.map(({ rho, arrows, density }) =>
      vectorField({
        title: `learnt, ρ = ${rho}`,
        range,
        at: lattice(21),
        vectors: arrows.learnt,
        scale: 0.5 / rho,
        heat: { values: density, columns: 42 },
      }),
    ),
    exact: fields.map(({ rho, arrows, density }) =>
      vectorField({
        title: `exact, ρ = ${rho}`,
        range,
        at: lattice(21),
        vectors: arrows.exact,
        scale: 0.5 / rho,
        heat: { values: density, columns: 42 },
        colour: 'second',
      }),
    ),
    samples: drawn.map(({ sampler, nfe, states }) =>
      scatterChart({ title: `${sampler}, ${nfe} calls`, range, clouds: [{ points: states.at(-1)! }] }),
    ),
    ways: drawn.slice(0, 1).map(({ sampler, states }) =>
      trajectories({
        title: `the ways of 60, ${sampler}`,
        range,
        points: some,
        paths: Array.from({ length: 60 }, (_, i) => states.flatMap((state) => [state[2 * i]!, state[2 * i + 1]!])),
      }),
    ),
  };
  for (const [name, svgs] of Object.entries(charts))
    for (const [i, svg] of svgs.entries()) await writeFileAtomic(join(folder, `${name}-${i + 1}.svg`), svg);

  const clouds = [points.subarray(0, drawn[0]!.states.at(-1)!.length), ...drawn.map(({ states }) => states.at(-1)!)];
  const columnLabels = ['data', ...drawn.map(({ sampler }) => sampler)];
  const picture = encodePng(
    imageGrid(Float32Array.from(clouds.flatMap((cloud) => [...histogram(cloud)])), [BINS, BINS, 1], {
      columns: clouds.length,
      scale: 4,
      columnLabels,
    }),
  );
  await writeFileAtomic(join(folder, 'samples.png'), picture);

  await writeReport(join(folder, 'report.html'), {
    title: 'A network learns the swiss roll',
    summary: `A small network learnt the score of noisy points from 8192 examples, without being told what a score is; following it from pure noise draws new points. In two dimensions all of this can be seen, and the exact score is a formula.`,
    record: {
      command: 'npm run swiss-roll -w @tweedie/example-swiss-roll',
      date: new Date().toISOString(),
      seed,
      engine,
      machine: describeMachine(),
      config,
      versions: { [processes.name]: processes.version, '@tensorflow/tfjs-core': version_core },
      seconds: { ...seconds, ...Object.fromEntries(drawn.map((each) => [each.sampler, each.seconds])) },
    },
    scores: drawn.map(({ sampler, nfe, score }) => ({
      ...score,
      name: `${score.name}, ${sampler}`,
      better: 'lower',
      meaning: `Squared sliced Wasserstein distance of the points that ${sampler} drew with ${nfe} network calls from the roll.`,
    })),
    samples: [
      {
        picture,
        alt: 'Three rolls of points: the data, and what two samplers drew',
        caption: 'Counts in small squares: points of the data, and as many that each sampler drew.',
      },
    ],
    lossCurve: losses.map((loss, i) => ({ step: i + 1, loss })),
    sections: [
      {
        title: 'The score field',
        text: 'The score `s(y; ρ) = ∇ log p(y; ρ)` points to where noisy data are denser. Learnt above, exact below: the empirical score of the 8192 points, a formula. Long arrows are cut; the shade is the density of the noisy data, and only where there is shade did the network learn.',
        figures: [
          {
            picture: [...charts.learnt, ...charts.exact],
            alt: 'Arrows of the learnt score in the first row, of the exact score in the second, at three noise levels',
          },
        ],
        table: {
          columns: ['noise level', 'relative error', 'n'],
          rows: fields.map(({ rho, error, n }) => [`ρ = ${rho}`, `${(100 * error).toFixed(1)} %`, n]),
        },
      },
      {
        title: 'Samples',
        text: 'Both samplers follow the same equation, `dy/dρ = (y − D(y; ρ))/ρ`, from ρ = 10 to 0 in 18 steps. DPM-Solver++(2M) remembers its last step, where Heun asks the network twice.',
        figures: [{ picture: [...charts.samples, ...charts.ways], alt: 'Points drawn by two samplers, and the ways of sixty of them' }],
      },
    ],
  });
};

const BINS = 96;

/** How many points each small square of the frame holds, [−1, 1]: three are white. */
const histogram = (cloud: Float32Array): Float32Array => {
  const counts = new Float32Array(BINS * BINS);
  const cell = (x: number): number => Math.floor(((x - range[0]) / (range[1] - range[0])) * BINS);
  for (let i = 0; i < cloud.length; i += 2) {
    const [column, row] = [cell(cloud[i]!), BINS - 1 - cell(cloud[i + 1]!)]; // a picture starts above
    if (column >= 0 && column < BINS && row >= 0 && row < BINS) counts[row * BINS + column]! += 1;
  }
  return counts.map((n) => Math.min(1, (2 * n) / 3 - 1));
};
