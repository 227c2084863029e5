import { formatNumber, lineChart, type Line, type Section } from '@tweedie/cli';
import { gaussian } from '@tweedie/analytic';
import { createNoise, drawPrior, hostDft2, logSnr, ve, type Json } from '@tweedie/core';
import { mnist } from '@tweedie/data';
import { pairedDifference } from '@tweedie/metrics';
import { filter, filterStatistics, gainsOf, pds as sampler, pdsFilter } from '@tweedie/sampler-pds';
import type { Claim, Finding, Lab } from './claim.ts';
import { quality, round, shippedDigits, type Quality } from './digits.ts';
import { langevinIterations } from './langevin-iterations.ts';
import { speedUp, type Point } from './speed-up.ts';
import { needing, preparedFile } from './prepared-file.ts';

/**
 * Preconditioned diffusion sampling, H. Ma, X. Zhu, J. Feng, L. Zhang (2302.06504): fewer iterations of a predictor–corrector at equal
 * quality, no training, the same stationary law.
 */
export const pds: Claim = Object.freeze<Claim>({
  id: 'pds',
  method: 'PDS',
  paper: 'H. Ma, X. Zhu, J. Feng, L. Zhang: Preconditioned Score-based Generative Models (2302.06504).',
  study: async (lab) => {
    const curves = await onDigits(lab);
    const modes = await langevin(lab);
    const widths = await predictors(lab);
    return {
      findings: [...curves.findings, ...modes.findings, ...widths.findings, AT_1024],
      sections: [...curves.sections, ...modes.sections, ...widths.sections],
      notes: [
        'An iteration is a corrector and a predictor, two network calls. The model is VE by its schedule (α = 1); its network was trained with EDM’s preconditioning, not as NCSN++ was.',
      ],
    };
  },
});

const AT_1024: Finding = {
  claim: '28 times fewer iterations at 1024 × 1024',
  ran: 'nothing',
  measured: 'nothing',
  verdict: 'not measurable here',
  because:
    'it needs NCSN++ of FFHQ at 1024 × 1024, whose weights no package holds and which no CPU draws from in a day. Condition numbers grow with resolution; those of 28 × 28 digits stand above',
};

interface Part {
  readonly findings: readonly Finding[];
  readonly sections: readonly Section[];
}

/** σ from .02 to 32: VE of MNIST in [−1, 1] by the rule of Song and Ermon, the greatest distance of two images. */
const LEVELS = { grid: 'log-snr', max: 32, min: 0.02, zero: true } as const;
const SEED = 1;
/** As many as the paper takes. */
const FILTER_IMAGES = 200;

/** What is compared with the plain predictor–corrector, M = 1. */
const VARIANTS = [
  { name: 'plain', options: {} },
  { name: 'frequency', options: { domains: 'frequency' } },
  { name: 'both', options: { domains: 'both' } },
  { name: 'frequency, published', options: { domains: 'frequency', parity: 'published' } },
] as const;
type VariantName = (typeof VARIANTS)[number]['name'];

/** FD against iterations, and against the corrector's step. */
const onDigits = async (lab: Lab): Promise<Part> => {
  const subject = await shippedDigits(lab);
  const n = lab.quick ? 128 : 512;
  const counts = lab.quick ? [10, 33] : [10, 20, 33, 50, 66, 100, 200];
  const snrs = lab.quick ? [] : [0.05, 0.1, 0.16, 0.25, 0.4];
  const gains = preparedFile(lab, { kind: 'pds-filter', data: 'mnist/train', n: FILTER_IMAGES, seed: 0 }, async () =>
    pdsFilter.estimate({ dataset: await mnist({ split: 'train', fetch: true }), n: FILTER_IMAGES, seed: 0n, noise: createNoise(0n) }),
  );
  const at = (options: { readonly [name: string]: Json }, steps: number): Promise<Quality> =>
    quality('domains' in options ? needing(lab, [gains]) : lab, {
      subject,
      sampler: { use: 'pds', ...options, ...('domains' in options ? { filter: gains.path } : {}) },
      steps,
      levels: LEVELS,
      n,
      seed: SEED,
      ...('domains' in options ? { files: { filter: gains.hash } } : {}),
    });
  const curves = new Map<VariantName, Point[]>();
  for (const { name, options } of VARIANTS) {
    const points: Point[] = [];
    for (const iterations of counts) points.push({ iterations, quality: await at(options, iterations) });
    curves.set(name, points);
  }
  const tuned: { readonly snr: number; readonly plain: Quality; readonly filtered: Quality }[] = [];
  for (const snr of snrs) tuned.push({ snr, plain: await at({ snr }, 33), filtered: await at({ snr, domains: 'frequency' }, 33) });
  const plain = curves.get('plain')!;
  const decisive = lab.quick ? 33 : 66;
  const ours = curves.get('frequency')!.find(({ iterations }) => iterations === decisive)!;
  const theirs = plain.find(({ iterations }) => iterations === decisive)!;
  const { extractor, floor } = theirs.quality;

  return {
    findings: [
      fewer({ n, decisive, plain, ours, theirs, extractor }),
      ...(['both', 'frequency, published'] as const).map((name) =>
        fewer({ n, decisive, plain, ours: curves.get(name)!.find(({ iterations }) => iterations === decisive)!, theirs, extractor, name }),
      ),
    ],
    sections: [
      {
        title: 'Quality against iterations',
        text: `FD-${extractor} from the test split, n = ${n}, unconditional, equal noise; real images against real ones get ${formatNumber(floor ?? NaN, 3)}. Filters of 200 training images, α = 5; the corrector's snr is .16 for all.`,
        table: {
          columns: ['', ...counts.map((each) => `${each} iterations`)],
          rows: VARIANTS.map(({ name }) => [name, ...curves.get(name)!.map(({ quality: { fd } }) => fd)]),
        },
        figures: [
          {
            picture: (width) =>
              lineChart({
                lines: VARIANTS.map(({ name }, i) => curveOf(name, curves.get(name)!, (['data', 'first', 'second', 'third'] as const)[i]!)),
                xLabel: 'iterations (two network calls each)',
                yLabel: `FD-${extractor.split('-')[0]}`,
                log: { x: true, y: true },
                width,
              }),
            alt: 'Distance against iterations, with and without preconditioning',
          },
        ],
      },
      ...(tuned.length === 0
        ? []
        : [
            {
              title: 'The step of the corrector',
              text: 'A preconditioned corrector may like another step: the distance after 33 iterations by its snr.',
              table: {
                columns: ['snr', 'plain', 'frequency'],
                rows: tuned.map(({ snr, plain: p, filtered }) => [String(snr), p.fd, filtered.fd]),
              },
            },
          ]),
    ],
  };
};

const curveOf = (name: string, points: readonly Point[], colour: 'data' | 'first' | 'second' | 'third'): Line => ({
  name,
  x: points.map(({ iterations }) => iterations),
  y: points.map(({ quality: { fd } }) => fd),
  colour,
});

/** Held where the distance after equally many iterations is smaller; how many fewer it takes stands beside. */
const fewer = ({
  n,
  decisive,
  plain,
  ours,
  theirs,
  extractor,
  name = 'frequency',
}: {
  readonly n: number;
  readonly decisive: number;
  readonly plain: readonly Point[];
  readonly ours: Point;
  readonly theirs: Point;
  readonly extractor: string;
  readonly name?: string;
}): Finding => {
  const { value, interval } = pairedDifference(leftOutOf(ours.quality), leftOutOf(theirs.quality));
  const factor = speedUp(plain, ours);
  return {
    claim: `Preconditioning (${name}) makes ${decisive} iterations of a predictor–corrector better`,
    ran: `the shipped digits model as VE, σ .02 … 32, n = ${n}, seed ${SEED}, ${2 * decisive} network calls`,
    measured: `FD-${extractor} ${formatNumber(ours.quality.fd, 3)} against ${formatNumber(theirs.quality.fd, 3)}: ${formatNumber(value, 2)} (${interval.map((each) => formatNumber(each, 2)).join(' … ')}); ${
      factor === undefined
        ? 'plain is never as good, or is from the start: no factor'
        : `plain needs ${formatNumber(factor.factor, 3)} times as many iterations (${factor.interval.map((each) => formatNumber(each, 3)).join(' … ')})`
    }`,
    verdict: interval[1] < 0 ? 'held' : interval[0] > 0 ? 'not held' : 'not decided',
  };
};

const leftOutOf = ({ fd, leftOut }: Quality): { readonly value: number; readonly leftOut: readonly number[] } => ({
  value: fd,
  leftOut: leftOut ?? [],
});

/** Iterations against condition number (samplers.md 5.5), and what the filters do to the spectrum of real digits. */
const langevin = async (lab: Lab): Promise<Part> => {
  const conditions = [1, 10, 100, 1e3, 1e4];
  const exact = await lab.cell({ kind: 'condition', modes: 8, conditions }, () =>
    Promise.resolve(
      conditions.map((condition) => {
        const variances = Array.from({ length: 8 }, (_, k) => condition ** (-k / 7));
        return [langevinIterations(variances, variances.map(() => 1)), langevinIterations(variances, variances)] as const; // prettier-ignore
      }),
    ),
  );
  const sigmas = [0.02, 0.1, 0.5, 2];
  const images = lab.quick ? 200 : 2000;
  const digits = await lab.cell({ kind: 'spectrum', data: 'mnist/train', images, sigmas, alpha: 5 }, async () => {
    const data = await mnist({ split: 'train', fetch: true });
    const gains = gainsOf(filterStatistics(data).frequency, 5).map((w) => w * w);
    const power = powerOf(data.rows(Int32Array.from({ length: images }, (_, i) => i)).images, images);
    return sigmas.map((sigma) => {
      const variances = power.map((p) => p + sigma * sigma);
      return [
        langevinIterations(variances, variances.map(() => 1)), // prettier-ignore
        langevinIterations(variances, gains),
        langevinIterations(variances, variances),
      ] as const;
    });
  });
  const [plain, , ideal] = digits[0]!;
  const filtered = digits[0]![1];
  return {
    findings: [
      {
        claim: 'Langevin dynamics with M = Σ^½ needs about as many iterations whatever the condition number',
        ran: 'a Gaussian of 8 modes, exact recursion of moments, to 1 %',
        measured: `condition 10⁴: ${exact[4]![1]} iterations against ${exact[4]![0]}; condition 10: ${exact[1]![1]} against ${exact[1]![0]}`,
        verdict: exact[4]![1] < 2 * exact[1]![1] && exact[4]![0] > 100 * exact[1]![0] ? 'held' : 'not held',
      },
      {
        claim: 'The published filter is such an M for images',
        ran: `the Gaussian with the spectrum of ${images} digits at σ = ${sigmas[0]}, exact recursion of moments, to 1 %`,
        measured: `${filtered} iterations with the filter (α = 5), ${plain} without, ${ideal} with M = Σ^½`,
        verdict: filtered < 0.5 * plain ? 'held' : 'not held',
        ...(filtered < 0.5 * plain
          ? {}
          : {
              because:
                'the slow modes of a target with image spectrum are the frequencies of great variance; the filter amplifies those of little, by 1.25 at most, where M Mᵀ ∝ Σ + σ² would amplify the others',
            }),
      },
    ],
    sections: [
      {
        title: 'Iterations against condition number',
        text: 'Langevin dynamics towards a Gaussian of 8 modes, until every mean and variance is right to 1 %, with a step of 5 % of the stability limit.',
        table: {
          columns: ['condition number', ...conditions.map((c) => c.toLocaleString('en'))],
          rows: [
            ['M = 1', ...exact.map(([one]) => String(one))],
            ['M = Σ^½', ...exact.map(([, root]) => String(root))],
          ],
        },
      },
      {
        title: 'The spectrum of digits',
        text: 'The same towards the Gaussian that has the power spectrum of MNIST (about its mean), at noise level σ.',
        table: {
          columns: ['σ', ...sigmas.map(String)],
          rows: [
            ['M = 1', ...digits.map(([one]) => String(one))],
            ['the published filter, α = 5', ...digits.map(([, own]) => String(own))],
            ['M Mᵀ = Σ + σ²', ...digits.map(([, , best]) => String(best))],
          ],
        },
      },
    ],
  };
};

const SIDE = 28;

/** Variance of each frequency of images about their mean, |F (x − μ)|²/area: the eigenvalues of the stationary Gaussian. */
const powerOf = (images: Float32Array, count: number): Float64Array => {
  const area = SIDE * SIDE;
  const mean = new Float64Array(area);
  images.forEach((v, at) => (mean[at % area]! += v / count));
  const power = new Float64Array(area);
  for (let i = 0; i < count; i++) {
    const centred = Float64Array.from({ length: area }, (_, p) => images[i * area + p]! - mean[p]!);
    const { re, im } = hostDft2({ re: centred }, { height: SIDE, width: SIDE });
    for (let k = 0; k < area; k++) power[k]! += (re[k]! ** 2 + im[k]! ** 2) / (area * count);
  }
  return power;
};

/** What the predictor leaves of the variance: by drawing with the sampler itself from a Gaussian whose score is a formula. */
const predictors = async (lab: Lab): Promise<Part> => {
  const counts = lab.quick ? [33] : [33, 66, 200, 1000];
  const n = lab.quick ? 500 : 4000;
  const shape = [8, 8, 1] as const;
  const variance = 0.25;
  const gain = 1.25;
  const settings = [
    { name: 'M = 1', gain: 1, parity: 'exact', correctorSteps: 0 },
    { name: 'exact', gain, parity: 'exact', correctorSteps: 0 },
    { name: 'published', gain, parity: 'published', correctorSteps: 0 },
    { name: 'exact, with corrector', gain, parity: 'exact', correctorSteps: 1 },
    { name: 'published, with corrector', gain, parity: 'published', correctorSteps: 1 },
  ] as const;
  const ratios: number[][] = [];
  for (const { gain: m, parity, correctorSteps } of settings) {
    const row: number[] = [];
    for (const steps of counts)
      row.push(
        await lab.cell(
          { kind: 'variance', gain: m, parity, correctorSteps, steps, n, variance, shape: [...shape], schedule: 've(0.01,50)' },
          async () => {
            const operator = filter({ shape: [...shape], pixel: new Float64Array(64).fill(m) });
            const method = sampler({ operator, parity, correctorSteps });
            const { denoiser } = gaussian({ mean: new Float64Array(64), diagonal: new Float64Array(64).fill(variance), shape });
            const plan = method.plan(ve(), logSnr({ steps, max: 50, min: 0.01, zero: true }));
            const noise = createNoise(BigInt(SEED));
            const start = await (method.start ?? drawPrior)(noise, [n, ...shape], plan);
            const run = method.steps(denoiser, start, plan, noise);
            let next = await run.next();
            while (next.done !== true) next = await run.next();
            const values = await next.value.data();
            let squares = 0;
            for (const v of values) squares += v * v;
            [start, next.value].forEach((each) => each.dispose());
            return round(squares / values.length / variance);
          },
        ),
      );
    ratios.push(row);
  }
  const last = counts.length - 1;
  const expected = gain ** 2 / (2 * gain ** 2 - 1);
  const [, ours, theirs] = ratios as [number[], number[], number[]];
  const error = 3 * Math.sqrt(2 / (n * 64));
  return {
    findings: [
      {
        claim: 'The preconditioned predictor leaves the law as it is',
        ran: `a Gaussian of variance ${variance} on 8 × 8 pixels, M = ${gain}, predictor alone, ${counts[last]} steps of VE .01 → 50, n = ${n}`,
        measured: `variance ${formatNumber(theirs[last]!, 3)} of the true one as published (${formatNumber(expected, 3)} = m²/(2m² − 1) expected), ${formatNumber(ours[last]!, 3)} in the form that is the default here (± ${formatNumber(error, 1)})`,
        verdict: Math.abs(theirs[last]! - 1) < 0.05 ? 'held' : 'not held',
        because:
          'a reverse diffusion step is half probability flow and half Langevin; the published rule preconditions both, and only the second half may be',
      },
    ],
    sections: [
      {
        title: 'What is left of the variance',
        text: `The variance that comes out over the true one, by the number of steps. In few steps plain reverse diffusion is too wide and the published form too narrow, which in part cancel.`,
        table: { columns: ['', ...counts.map((each) => `${each} steps`)], rows: settings.map(({ name }, i) => [name, ...ratios[i]!]) },
      },
    ],
  };
};
