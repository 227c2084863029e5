import { availableParallelism } from 'node:os';
import process from 'node:process';
import { MessageChannel } from 'node:worker_threads';
import { tweedieError } from '@tweedie/core';
import { arrived } from './crossing.ts';
import { runningEngine, runtimeOf, type Runtime } from './runtime.ts';
import type { TaskName, Tasks } from './tasks.ts';
import type { Answer, Order } from './worker.ts';

/** Workers with an engine each. Whoever opens a pool closes it, whatever happens. */
export interface Pool {
  readonly workers: number;
  /** Whether memory is shared with the workers. */
  readonly shared: boolean;
  /** Gives a task to the next free worker. Its error is the one that was thrown there. */
  run<K extends TaskName>(name: K, task: Tasks[K]['task'], report?: () => void): Promise<Tasks[K]['result']>;
  /** Ends all workers, also in the middle of something. */
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly workers: number;
  /** Default: the one that runs in this process. */
  readonly engine?: string;
  /** Default: what the engine can bear. */
  readonly runtime?: Runtime;
}

/** Where a worker begins: beside us when built; from source through a loader, since Node alone cannot read it. */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? '../testing/worker.fixture.mjs' : './worker.js', import.meta.url);

/** Opens a pool and waits until every worker's engine runs. */
export const openPool = async ({ workers, engine = runningEngine(), runtime = runtimeOf(engine) }: PoolOptions): Promise<Pool> => {
  if (runtime === undefined)
    throw tweedieError({
      subject: 'workers',
      problem: `the engine ${engine} is not had several times: a graphics card does one thing at a time`,
      got: workers,
      expected: '1',
      remedy: 'leave --workers out',
    });
  const { Tinypool } = await import('tinypool');
  const threads = Math.max(1, Math.floor(availableParallelism() / workers));
  const pool = new Tinypool({
    filename: ENTRY.href,
    runtime,
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: 1,
    serialization: 'advanced',
    ...(runtime === 'child_process'
      ? // TensorFlow would otherwise start as many threads as there are cores in each of them.
        { env: { TF_NUM_INTRAOP_THREADS: String(threads), ...(process.env as Record<string, string>) }, execArgv: [] }
      : {}),
  });
  let closing = false;
  let [fail] = [(_: Error): void => undefined];
  const died = new Promise<never>((_, reject) => {
    fail = reject;
  });
  died.catch(() => undefined);
  const lost = (cause?: unknown): void => fail(dead(workers, cause));
  pool.on('error', lost);
  // A thread that exits of itself says nothing else, and the pool would wait for it for ever.
  const exits =
    runtime === 'worker_threads'
      ? pool.threads.map(
          (thread) =>
            new Promise<void>((exited) =>
              thread.on('exit', () => {
                if (!closing) lost();
                exited();
              }),
            ),
        )
      : [];

  const run = async <K extends TaskName>(name: K, task: Tasks[K]['task'], report?: () => void): Promise<Tasks[K]['result']> => {
    const order: Order<K> = { engine, name, task };
    const { port1, port2 } = new MessageChannel();
    port1.on('message', () => report?.());
    port1.unref();
    try {
      const done =
        runtime === 'worker_threads'
          ? pool.run({ ...order, port: port2 }, { transferList: [port2] as never })
          : pool.run(order, { channel: { postMessage: () => report?.() } });
      // What a task throws is in its answer: whatever rejects here is the end of a worker.
      const answer = (await Promise.race([done.catch((cause: unknown) => Promise.reject(dead(workers, cause))), died])) as Answer<K>;
      if ('error' in answer) throw arrived(answer.error);
      return answer.result;
    } finally {
      port1.close();
    }
  };
  const close = async (): Promise<void> => {
    closing = true;
    await Promise.race([pool.destroy(), ...(exits.length === 0 ? [] : [Promise.all(exits)])]);
  };
  try {
    await Promise.all(Array.from({ length: workers }, () => run('start', {})));
  } catch (error) {
    await close();
    throw error;
  }
  return Object.freeze<Pool>({ workers, shared: runtime === 'worker_threads', run, close });
};

const dead = (workers: number, cause: unknown): Error =>
  tweedieError({
    subject: 'workers',
    problem: `one of ${workers} workers ended before its work was done${cause instanceof Error ? ` (${cause.message})` : ''}`,
    remedy: 'try again with fewer: each needs memory for an engine of its own',
    code: 'WORKER',
    cause,
  });

/** Memory that threads share, as numbers. */
export const sharedFloats = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length));
