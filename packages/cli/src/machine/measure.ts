import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '@tweedie/backend';
import { createNoise, createParameters, encodeNpz, STREAM, tweedieError } from '@tweedie/core';
import { NETWORK, NOISE } from '@tweedie/core/container';
import { encodeWeights, WEIGHTS, writeFileAtomic } from '@tweedie/core/node';
import { medianOf } from '../bench/median.ts';
import type { ExperimentConfig } from '../config/experiment.ts';
import { composeExperiment, CONFIG, PLUGINS } from '../experiment/compose.ts';
import { openPool, type Pool } from '../workers/pool.ts';
import { runtimeOf } from '../workers/runtime.ts';
import { headerOf, type MeasuredRow } from './measured.ts';
import type { MeasureTask } from './measure-task.ts';

/** What is timed: an engine, so many times. */
interface Candidate {
  readonly engine: string;
  readonly workers: number;
}

/** Each engine that was found, once and once a core: the orders of preference, fewer workers first. */
export const candidatesOf = (findings: readonly Finding[], cores = availableParallelism()): readonly Candidate[] =>
  Object.keys(headerOf(findings).engines).flatMap((engine) =>
    (runtimeOf(engine) === undefined ? [1] : [...new Set([1, Math.ceil(cores / 2), cores])]).map((workers) => ({ engine, workers })),
  );

/** Batches divide by what is usual among numbers of cores. */
const BATCH = 64;

/**
 * Times the digits network, sampling and training, under every engine with one worker, half as many as cores, and as many as cores: each in
 * a process of its own, in turns, the medians of `rounds`. Takes some seconds each.
 */
export const measure = async (
  findings: readonly Finding[],
  {
    rounds = 5,
    onProgress,
    signal,
  }: { readonly rounds?: number; readonly onProgress?: (done: number, total: number) => void; readonly signal?: AbortSignal } = {},
): Promise<readonly MeasuredRow[]> => {
  const candidates = candidatesOf(findings).filter(({ workers }) => BATCH % workers === 0);
  const folder = await mkdtemp(join(tmpdir(), 'tweedie-measure-'));
  const opened: { readonly pool: Pool; readonly ask: (what: MeasureTask['what']) => Promise<number> }[] = [];
  const starts: number[] = [];
  const total = candidates.length * (rounds + 1);
  let done = 0;
  const turn = (): void => {
    onProgress?.(++done, total);
    if (signal?.aborted === true)
      throw tweedieError({ subject: 'doctor', problem: 'interrupted; nothing was written', code: 'INTERRUPTED' });
  };
  try {
    const shared = await prepare(folder);
    for (const candidate of candidates) {
      const pool = await openPool({ workers: 1, engine: candidate.engine, runtime: 'child_process' });
      const ask = (what: MeasureTask['what']): Promise<number> => pool.run('measure', { what, ...candidate, ...shared });
      opened.push({ pool, ask });
      starts.push(await ask('open'));
      turn();
    }
    const times = candidates.map(() => ({ sampling: [] as number[], training: [] as number[] }));
    for (let round = 0; round < rounds; round++)
      for (const [i, { ask }] of opened.entries()) {
        times[i]!.sampling.push(await ask('sampling'));
        times[i]!.training.push(await ask('training'));
        turn();
      }
    return await Promise.all(
      candidates.map(async (candidate, i) => ({
        ...candidate,
        sampling: rounded(medianOf(times[i]!.sampling)),
        training: rounded(medianOf(times[i]!.training)),
        start: rounded(starts[i]!),
        memory: Math.round(await opened[i]!.ask('memory')),
      })),
    );
  } finally {
    await Promise.all(
      opened.map(async ({ pool, ask }) => {
        await ask('close').catch(() => undefined);
        await pool.close();
      }),
    );
    await rm(folder, { recursive: true, force: true });
  }
};

const rounded = (x: number): number => Number(x.toPrecision(3));

/** A digits network as it is at the beginning, and images without content: how fast a step is does not depend on them. */
const prepare = async (folder: string): Promise<Pick<MeasureTask, 'cwd' | 'run' | 'config'>> => {
  const images = Uint8Array.from(createNoise(0).hostUniform([256, 784], { stream: STREAM.data }), (u) => 256 * u);
  const path = join(folder, 'images.npz');
  const labels = Int32Array.from({ length: 256 }, (_, i) => i % 10);
  await writeFileAtomic(path, encodeNpz({ arr_0: { shape: [256, 28, 28, 1], data: images }, labels: { shape: [256], data: labels } }));
  const experiment = await composeExperiment(
    { data: { use: 'npz', path }, training: { batchSize: BATCH, steps: 1000 }, levels: { steps: 2 } },
    { cwd: folder },
  );
  const config: ExperimentConfig = experiment.get(CONFIG);
  const network = experiment.get(NETWORK);
  const parameters = createParameters(network.parameters, network.init(experiment.get(NOISE)));
  try {
    const ema = Float32Array.from((await parameters.flat.data()) as Float32Array);
    const identity = { config: config as never, seed: 0n, plugins: experiment.get(PLUGINS) };
    await writeFileAtomic(join(folder, WEIGHTS), encodeWeights({ ema, step: 0 }, parameters, network, identity));
  } finally {
    parameters.dispose();
  }
  return { cwd: folder, run: WEIGHTS, config };
};
