import { tensor } from '@tensorflow/tfjs-core';
import {
  bitsPerDim,
  createNoise,
  decodeSafetensors,
  dequantisationOffset,
  encodeSafetensors,
  logLikelihood,
  oneHotRows,
  STREAM,
  tweedieError,
  type Accumulator,
  type Dataset,
  type Metric,
  type MetricContext,
  type MetricResult,
  type Model,
} from '@tweedie/core';
import { z } from 'zod';
import { chooseRows, referenceOf } from './reference.ts';
import { student } from './student.ts';

/**
 * Bits per dimension of real images under the model, by its probability-flow ODE: −log₂ p(x)/d + offset.
 *
 * Y. Song et al.: Score-Based Generative Modeling through SDEs (2011.13456), §4.3 and appendix D.2. A byte k becomes
 * x = 2 (k + u)/256 − 1 with u uniform on [0, 1) (uniform dequantisation), so the number bounds the bits of a lossless code from
 * above, and the offset is 7 = log₂ of 256 levels on a range 2 wide: right for bytes only. Of numbers that are no bytes it is
 * nats per dimension, offset 0. One vector ε serves a whole solve: another at every call would keep the solver from converging.
 */
const reference = `@inproceedings{song2021score,
  title     = {Score-Based Generative Modeling through Stochastic Differential Equations},
  author    = {Song, Yang and Sohl-Dickstein, Jascha and Kingma, Diederik P. and Kumar, Abhishek and Ermon, Stefano and Poole, Ben},
  booktitle = {International Conference on Learning Representations},
  year      = {2021},
  eprint    = {2011.13456},
  archivePrefix = {arXiv}
}`;

export const bitsPerDimOptions = z.strictObject({
  rows: z.int().min(2).default(256).describe('Real rows to judge, chosen by the seed'),
  passes: z.int().min(1).max(64).default(1).describe('Times that every row is judged, with another u and ε each time'),
  dequantise: z
    .boolean()
    .default(true)
    .describe('Bytes get uniform noise one level wide; false: nats per dimension of the values as they are'),
  conditional: z.boolean().default(false).describe('Give the model the labels of the rows; without it none'),
  probes: z.int().min(1).max(256).default(1).describe("Vectors ε of Hutchinson's estimator, fixed for a solve"),
  rtol: z.number().min(1e-6).lt(1).default(1e-5).describe('Relative tolerance of a step'),
  atol: z.number().positive().default(1e-5).describe('Absolute tolerance of a step'),
  batchSize: z.int().min(1).default(64).describe('Rows at once; the value does not depend on it'),
});
export type BitsPerDimOptions = z.input<typeof bitsPerDimOptions>;
type Settled = z.output<typeof bitsPerDimOptions>;

const subject = 'bits-per-dim';

/**
 * Judges the *reference* under the model of the context, not images that were drawn: rows that are added are ignored. The value is the
 * mean over rows (of their means over passes), its interval Student's t over rows. Costs about 150 gradients of the network a row and pass.
 *
 * Errors: no model, no reference, values that are no bytes (unless `dequantise` is false), labels that are wanted and not there.
 */
export const modelBitsPerDim = (options: BitsPerDimOptions = {}): Metric => {
  const settled = bitsPerDimOptions.parse(options);
  return Object.freeze<Metric>({
    kind: 'metric',
    api: 1,
    name: 'bits-per-dim',
    needs: 'model',
    reference,
    start: (context) => Promise.resolve(start(settled, context)),
  });
};

const start = (options: Settled, context: MetricContext): Accumulator => {
  const data = referenceOf(subject, context);
  const model = modelOf(context);
  checkFit(data, model, options);
  const indices = chooseRows(data.size, Math.min(options.rows, data.size), context.seed);
  return {
    add: () => Promise.resolve(),
    state: () => encodeSafetensors({ tensors: {}, metadata: { kind: subject } }),
    merge: (state) => {
      const { metadata } = decodeSafetensors(state, `${subject} state`);
      if (metadata['kind'] !== subject)
        throw tweedieError({ subject, problem: 'this state is of another metric', got: metadata['kind'] ?? 'no name', expected: subject });
    },
    result: () => measured(options, { data, model, indices, seed: context.seed }),
  };
};

interface Judging {
  readonly data: Dataset;
  readonly model: Model;
  readonly indices: Int32Array;
  readonly seed: bigint;
}

const measured = async (options: Settled, { data, model, indices, seed }: Judging): Promise<MetricResult> => {
  const { passes, dequantise, conditional, probes, rtol, atol, batchSize } = options;
  const noise = createNoise(seed);
  const dims = data.shape.reduce((product, n) => product * n, 1);
  const offset = dequantise ? dequantisationOffset() : 0;
  const divergence = dims <= EXACT ? 'exact' : 'hutchinson';
  const rows = new Float64Array(indices.length);
  let calls = 0;
  for (let first = 0; first < indices.length; first += batchSize) {
    const part = indices.subarray(first, first + batchSize);
    const { images, labels } = data.rows(part);
    const hot = conditional ? oneHotRows(labels!, model.classes) : undefined;
    try {
      for (let pass = 0; pass < passes; pass++) {
        const u = dequantise && noise.rows(first).hostUniform([part.length, dims], { stream: STREAM.metric, step: pass, draw: DEQUANTISE });
        const x0 = tensor(u ? dequantised(images, u) : images, [part.length, ...data.shape], 'float32');
        try {
          const { logDensity, nfe } = await logLikelihood({
            model,
            x0,
            ...(hot === undefined ? {} : { label: hot }),
            rtol,
            atol,
            divergence,
            probes,
            noise: noise.rows(first),
            pass,
          });
          const values = dequantise ? bitsPerDim(logDensity, dims, offset) : logDensity.map((nats) => -nats / dims);
          values.forEach((value, row) => (rows[first + row]! += value / passes));
          calls += nfe.reduce((sum, each) => sum + each, 0);
        } finally {
          x0.dispose();
        }
      }
    } finally {
      hot?.dispose();
    }
  }
  const n = rows.length;
  const value = rows.reduce((sum, each) => sum + each, 0) / n;
  const error = Math.sqrt(rows.reduce((sum, each) => sum + (each - value) ** 2, 0) / (n - 1) / n);
  const half = student(n - 1) * error;
  const { schedule } = model;
  const trace = divergence === 'exact' ? 'exact trace' : `Hutchinson, Rademacher, ${probes === 1 ? 'one ε' : `${probes} ε`} a solve`;
  return {
    name: dequantise ? 'bits/dim' : 'nats/dim',
    value,
    n,
    ...(n < LEAST ? {} : { interval: [value - half, value + half] as const }),
    details: {
      protocol: `${dequantise ? 'uniform dequantisation' : 'values as they are'}, probability-flow ODE, ${trace}, Dormand–Prince, rtol ${rtol}, atol ${atol}`,
      offset,
      dimensions: dims,
      labels: conditional ? "the data's" : 'none',
      passes,
      deviation: Math.sqrt(n) * error,
      calls: calls / (n * passes),
      schedule: schedule.id,
      lowestLevel: schedule.rho(schedule.tMin),
      highestLevel: schedule.rho(schedule.tMax),
      prior: `N(0, ${schedule.priorSigma(schedule.tMax)}² I)`,
      reference: data.id,
      seed: seed.toString(),
    },
  };
};

/** `draw` of the dequantising u: 0 chooses the rows. */
const DEQUANTISE = 1;
/** Dimensions up to which the trace is taken itself, one reverse pass for each. */
const EXACT = 64;
/** Rows below which Student's expansion, and an interval, are worth nothing. */
const LEAST = 8;

/** x in [−1, 1] → its byte k → 2 (k + u)/256 − 1. @throws where a value is no byte. */
const dequantised = (images: Float32Array, u: Float64Array): Float32Array =>
  images.map((x, i) => {
    const k = Math.round((x + 1) * 127.5);
    if (!(k >= 0 && k <= 255 && Math.abs(k / 127.5 - 1 - x) < 1e-4))
      throw tweedieError({
        subject,
        problem: 'a value is no byte, so that bits per dimension mean nothing',
        got: x,
        expected: 'k/127.5 − 1, k = 0 … 255',
        remedy: 'with dequantise: false it is nats per dimension of the values as they are',
      });
    return (2 * (k + u[i]!)) / 256 - 1;
  });

const modelOf = ({ model }: MetricContext): Model => {
  if (model !== undefined) return model;
  throw tweedieError({
    subject,
    problem: 'there is no model whose likelihood could be taken',
    expected: 'the model of a run, differentiable',
    remedy: 'judge a RUN; images that were drawn have none',
  });
};

const checkFit = (data: Dataset, model: Model, { dequantise, conditional }: Settled): void => {
  if (data.shape.join() !== model.shape.join())
    throw tweedieError({
      subject,
      problem: 'the real data have another shape than the model',
      got: [...data.shape],
      expected: `[${model.shape.join(', ')}]`,
    });
  if (dequantise && data.range?.join() !== '-1,1')
    throw tweedieError({
      subject,
      problem: 'the real data are no images of bytes',
      got: data.range === undefined ? 'no range' : [...data.range],
      expected: 'values in [−1, 1]',
      remedy: 'with dequantise: false it is nats per dimension of the values as they are',
    });
  if (conditional && (model.classes === 0 || data.classes !== model.classes))
    throw tweedieError({
      subject,
      problem: 'the labels of the data are not those of the model',
      got: `${data.classes} classes`,
      expected: model.classes === 0 ? 'a model with classes' : `${model.classes}`,
      remedy: 'leave conditional out',
    });
};
