import { z } from 'zod';

/**
 * What an experiment is: which method of each kind, and the numbers between them. A method's own options stand next to `use`;
 * they are checked later, by the method's own schema.
 */
const method = (use: string, what: string) =>
  z
    .looseObject({ use: z.string().min(1).default(use).describe(what) })
    .prefault({})
    .describe(what);

const positive = z.number().positive();
const count = z.int().min(1);

export const experimentConfig = z.strictObject({
  data: method('mnist', 'data set'),
  network: z
    .looseObject({
      use: z.string().min(1).optional().describe('network; without it digits for 28×28 grey images, ddpmpp for others, mlp for points'),
    })
    .prefault({})
    .describe('network'),
  schedule: method('edm', 'schedule of the forward process'),
  preconditioner: method('edm', "what the network's output means"),
  objective: method('dsm', 'training objective'),
  optimizer: z
    .strictObject({
      rate: positive.default(3e-3).describe('peak learning rate of Adam'),
      beta1: z.number().min(0).lt(1).default(0.9).describe('decay of the first moment'),
      beta2: z.number().min(0).lt(1).default(0.99).describe('decay of the second moment'),
      epsilon: positive.default(1e-8).describe("Adam's ε"),
      weightDecay: z.number().min(0).default(0).describe('decoupled weight decay (AdamW)'),
      warmup: z.int().min(0).default(30).describe('steps of linear warm-up'),
      decay: z.number().min(0).max(1).default(0.5).describe('last part of the run in which the rate falls to 0'),
      clip: positive.optional().describe('greatest norm of the gradient; none without it'),
    })
    .prefault({})
    .describe('Adam'),
  training: z
    .strictObject({
      batchSize: count.default(64).describe('images a step'),
      steps: count.optional().describe('steps of the whole run; instead of seconds'),
      seconds: positive.optional().describe('time budget, turned into steps once and recorded; 120 without steps'),
      labelDropout: z
        .number()
        .min(0)
        .max(1)
        .default(0.1)
        .describe('how often a label is dropped, so that guidance has an unconditional model'),
      accumulate: count.default(1).describe('micro-batches a step'),
      emaDecay: z.number().min(0).lt(1).default(0.999).describe('greatest decay of the moving average'),
      snapshots: z
        .int()
        .min(1)
        .max(30)
        .optional()
        .describe('weights kept on the way, of so many steps: of the last, of half as many steps, of a quarter …'),
      checkpointEvery: count.optional().describe('steps between checkpoints; every 30 seconds without it'),
    })
    .prefault({})
    .refine(({ steps, seconds }) => steps === undefined || seconds === undefined, {
      error: 'steps and seconds exclude each other',
      path: ['seconds'],
    })
    .refine(({ batchSize, accumulate }) => batchSize % accumulate === 0, { error: 'it must divide the batch size', path: ['accumulate'] })
    .transform((training) => (training.steps === undefined && training.seconds === undefined ? { ...training, seconds: 120 } : training))
    .describe('the run'),
  sampler: method('dpmpp-2m', 'sampler'),
  levels: z
    .strictObject({
      grid: z.enum(['karras', 'log-snr', 'time-power']).default('karras').describe('how the noise levels are spaced'),
      steps: count.default(18).describe('steps of the sampler'),
      max: positive.optional().describe("greatest ρ; without it the schedule's"),
      min: positive.optional().describe("least ρ > 0; without it the schedule's"),
      exponent: positive.default(7).describe('p of the grid karras'),
      power: positive.default(2).describe('p of the grid time-power'),
      zero: z.boolean().optional().describe('end at ρ = 0; without it wherever the sampler can'),
    })
    .prefault({})
    .describe('noise levels of sampling'),
  seed: z.int().min(0).default(0).describe('seed of everything random'),
});

/** What may be written: anything that is left out gets its default. */
export type ExperimentInput = z.input<typeof experimentConfig>;
/** A whole configuration. */
export type ExperimentConfig = z.output<typeof experimentConfig>;

/** For configuration files in TypeScript: checks the type and returns what it got. */
export const defineConfig = (config: ExperimentInput): ExperimentInput => config;

/** The sections that choose a method by `use`. */
export const METHOD_SECTIONS = ['data', 'network', 'schedule', 'preconditioner', 'objective', 'sampler'] as const;
export type MethodSection = (typeof METHOD_SECTIONS)[number];
export const isMethodSection = (section: string): section is MethodSection => (METHOD_SECTIONS as readonly string[]).includes(section);
