import process from 'node:process';
import { isMainThread, type MessagePort } from 'node:worker_threads';
import { selectEngine } from '@tweedie/backend';
import { leaving, type Crossing } from './crossing.ts';
import type { Handler, TaskName, Tasks } from './tasks.ts';

/** What a worker is sent. */
export interface Order<K extends TaskName = TaskName> {
  readonly engine: string;
  readonly name: K;
  readonly task: Tasks[K]['task'];
  /** Where a thread reports to; a process has its own channel. */
  readonly port?: MessagePort;
}

/** What it answers. */
export type Answer<K extends TaskName> = { readonly result: Tasks[K]['result'] } | { readonly error: Crossing };

const HANDLERS: { readonly [K in TaskName]: () => Promise<Handler<K>> } = {
  start: () => Promise.resolve(() => Promise.resolve(null)),
  draw: async () => (await import('../run/drawing.ts')).drawTask,
  gradient: async () => (await import('./gradient-task.ts')).gradientTask,
  measure: async () => (await import('../machine/measure-task.ts')).measureTask,
  extract: async () => (await import('./extract-task.ts')).extractTask,
};

if (isMainThread) {
  // Ctrl-C reaches every process of a terminal: whoever started this one decides. Without it there is nothing left to do.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit());
}

/** Runs in a worker: starts its engine, does a task, and hands an error back whole. */
const work = async <K extends TaskName>({ engine, name, task, port }: Order<K>): Promise<Answer<K>> => {
  try {
    await selectEngine({ engine });
    const handler = await HANDLERS[name]();
    return { result: await handler(task, () => (port === undefined ? process.send?.({ report: name }) : port.postMessage(name))) };
  } catch (error) {
    return { error: leaving(error) };
  }
};

export default work;
