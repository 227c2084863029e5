import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeExperiment, CONFIG, drawImages, openDrawing, openPool, openRun, PLUGINS, shardsOf, type DrawJob } from '@tweedie/cli';
import { createParameters, encodeNpz, train } from '@tweedie/core';
import { FEED, LOSS, NETWORK, NOISE, OPTIMIZER } from '@tweedie/core/container';
import { encodeWeights, WEIGHTS, writeFileAtomic } from '@tweedie/core/node';
import { BATCH, dataset, STEPS, weights } from './problem.ts';

/** The tasks of a contestant, computed by several workers: they make the experiment of its names again, so it is written down for them. */
export const byWorkers = async (
  engine: string,
  workers: number,
): Promise<{ readonly train: () => Promise<unknown>; readonly sample: () => Promise<unknown> }> => {
  const cwd = await mkdtemp(join(tmpdir(), 'tweedie-bench-'));
  process.once('exit', () => void rm(cwd, { recursive: true, force: true }));
  const { images, labels } = dataset.rows(Int32Array.from({ length: dataset.size }, (_, i) => i));
  const path = join(cwd, 'images.npz');
  const bytes = Uint8Array.from(images as Float32Array, (x) => 127.5 * (x + 1));
  await writeFileAtomic(
    path,
    encodeNpz({ arr_0: { shape: [dataset.size, ...dataset.shape], data: bytes }, labels: { shape: [dataset.size], data: labels! } }),
  );
  const experiment = await composeExperiment(
    {
      data: { use: 'npz', path },
      network: { use: 'digits', dataMean: 0 },
      preconditioner: { use: 'edm', sigmaData: 0.5 },
      optimizer: { rate: 1e-5, warmup: 0, decay: 0 },
      training: { batchSize: BATCH, steps: 1_000_000 },
      levels: { steps: STEPS },
    },
    { cwd },
  );
  const [config, network] = [experiment.get(CONFIG), experiment.get(NETWORK)];
  const parameters = createParameters(network.parameters, weights());
  const ema = Float32Array.from((await parameters.flat.data()) as Float32Array);
  const identity = { config: config as never, seed: 0n, plugins: experiment.get(PLUGINS) };
  await writeFileAtomic(join(cwd, WEIGHTS), encodeWeights({ ema, step: 0 }, parameters, network, identity));

  const pool = await openPool({ workers, engine });
  const opened = await openRun(WEIGHTS, cwd);
  const labelled = Array.from({ length: network.classes }, (_, k) => k);
  const job: DrawJob = { run: WEIGHTS, cwd, modelHash: opened.weights.modelHash, config, guidance: 1, labels: labelled };
  const { drawing } = await openDrawing(job, opened);
  const training = train({
    parameters,
    loss: experiment.get(LOSS),
    feed: experiment.get(FEED),
    noise: experiment.get(NOISE),
    optimizer: experiment.get(OPTIMIZER),
    steps: Infinity,
    accumulate: workers,
    shards: shardsOf(pool, { config, cwd }),
  });
  return { train: () => training.next(), sample: () => drawImages({ drawing, job, count: BATCH, batchSize: BATCH, pool }) };
};
