import process from 'node:process';
import { createParameters, train, type TrainState, type TrainStep } from '@tweedie/core';
import { FEED, LOSS, NETWORK, NOISE, OPTIMIZER } from '@tweedie/core/container';
import type { ExperimentConfig } from '../config/experiment.ts';
import { composeExperiment } from '../experiment/compose.ts';
import { openDrawing, type Drawing, type DrawJob } from '../run/drawing.ts';
import { openRun } from '../run/open-run.ts';
import { drawImages } from '../run/over-images.ts';
import { openPool, type Pool } from '../workers/pool.ts';
import { shardsOf } from '../workers/shards.ts';
import type { Handler } from '../workers/tasks.ts';

export interface MeasureTask {
  readonly what: 'open' | 'sampling' | 'training' | 'memory' | 'close';
  readonly engine: string;
  readonly workers: number;
  readonly cwd: string;
  readonly run: string;
  readonly config: ExperimentConfig;
}

/** Images of a round of sampling, as many as `tweedie sample` draws by default. */
const IMAGES = 64;

interface Bench {
  /** Seconds that opening the pool took. */
  readonly start: number;
  readonly pool: Pool | undefined;
  readonly drawing: Drawing;
  readonly job: DrawJob;
  readonly training: AsyncGenerator<TrainStep, TrainState, void>;
}
let bench: Bench | undefined;

/** In a process of its own: opens what is timed, and times one round of it; what it says is seconds, images a second, or megabytes. */
export const measureTask: Handler<'measure'> = async (task) => {
  switch (task.what) {
    case 'open':
      bench = await open(task);
      // The first round compiles.
      await sampled(bench);
      await bench.training.next();
      return bench.start;
    case 'sampling': {
      const seconds = await timed(() => sampled(bench!));
      return (IMAGES * bench!.drawing.plan.steps.length) / seconds;
    }
    case 'training':
      return task.config.training.batchSize / (await timed(() => bench!.training.next()));
    case 'memory':
      return process.resourceUsage().maxRSS / 1024;
    case 'close':
      await bench?.training.return(undefined as never);
      await bench?.pool?.close();
      return 0;
  }
};

const open = async ({ engine, workers, cwd, run, config }: MeasureTask): Promise<Bench> => {
  const before = performance.now();
  const pool = workers === 1 ? undefined : await openPool({ workers, engine });
  const start = pool === undefined ? 0 : (performance.now() - before) / 1000;
  const opened = await openRun(run, cwd);
  const job: DrawJob = { run, cwd, modelHash: opened.weights.modelHash, config: opened.config, guidance: 1, labels: [0, 1, 2, 3] };
  const { drawing } = await openDrawing(job, opened);
  const experiment = await composeExperiment(config, { cwd });
  const network = experiment.get(NETWORK);
  const training = train({
    parameters: createParameters(network.parameters, network.init(experiment.get(NOISE))),
    loss: experiment.get(LOSS),
    feed: experiment.get(FEED),
    noise: experiment.get(NOISE),
    optimizer: experiment.get(OPTIMIZER),
    steps: Number.MAX_SAFE_INTEGER,
    accumulate: workers,
    ...(pool === undefined ? {} : { shards: shardsOf(pool, { config, cwd }) }),
  });
  return { start, pool, drawing, job, training };
};

const sampled = ({ drawing, job, pool }: Bench): Promise<unknown> => drawImages({ drawing, job, count: IMAGES, batchSize: IMAGES, pool });

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
};
