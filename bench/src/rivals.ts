import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { diagnose } from '@tweedie/backend';
import { installed } from './installed.ts';
import type { RivalCommand, Task } from './rival.ts';

/** A rival of the table. */
export interface Entrant extends RivalCommand {
  readonly group: 'pytorch' | 'tweedie' | 'as shipped' | 'other';
  /** Cores that it may use; 0 is a graphics card. */
  readonly threads: number;
  /** What it can be asked for; the rest is left out of its row. */
  readonly tasks: readonly Task[];
  /** So slow that it is asked once a task, not once a round. */
  readonly once?: true;
  /** It computes in further processes, whose memory it does not know of. */
  readonly forks?: true;
  /** Why it cannot run here. */
  readonly absent?: string;
}

const TASKS: readonly Task[] = ['call', 'train', 'sample'];
const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Everyone who could take part on a machine with so many cores. `weights` is the file that those outside JavaScript read. */
export const entrants = async ({
  weights,
  cores,
  python,
}: {
  readonly weights: string;
  readonly cores: number;
  readonly python: string;
}): Promise<readonly Entrant[]> => {
  const threads = cores > 1 ? [1, cores] : [1];
  const torch = lacksTorch(python);
  const findings = await diagnose({ engine: 'wasm' });
  const here = (engine: string): { readonly absent?: string } => lacking(findings, engine);
  return [
    ...threads.map((n): Entrant => ({
      name: `PyTorch, ${n} thread${n > 1 ? 's' : ''}`,
      group: 'pytorch',
      threads: n,
      tasks: TASKS,
      command: python,
      args: [beside('../pytorch.py'), weights, '--threads', String(n)],
      env: { OMP_NUM_THREADS: String(n) },
      ...torch,
    })),
    ...threads.map((n): Entrant => ({
      name: `Tweedie tfjs-node, ${n} thread${n > 1 ? 's' : ''}`,
      group: 'tweedie',
      threads: n,
      tasks: TASKS,
      ...tweedie('tfjs-node'),
      ...here('tfjs-node'),
      env: threadsOf(n),
    })),
    { name: 'Tweedie wasm', group: 'tweedie', threads: 1, tasks: TASKS, ...tweedie('wasm') },
    ...threads.slice(1).flatMap((n) =>
      ['wasm', 'tfjs-node'].map((engine): Entrant => ({
        name: `Tweedie ${engine}, ${n} workers`,
        group: 'tweedie',
        threads: n,
        tasks: ['train', 'sample'],
        ...tweedie(engine, `workers=${n}`),
        ...(engine === 'wasm' ? {} : { forks: true as const }),
        ...here(engine),
      })),
    ),
    ...threads.map((n): Entrant => ({
      name: `Tweedie onnx, ${n} thread${n > 1 ? 's' : ''}`,
      group: 'tweedie',
      threads: n,
      tasks: ['call', 'sample'],
      ...tweedie('wasm', `onnx=${n}`),
      ...lacks('onnxruntime-node'),
    })),
    {
      name: 'PyTorch, CUDA',
      group: 'pytorch',
      threads: 0,
      tasks: TASKS,
      command: python,
      args: [beside('../pytorch.py'), weights, '--device', 'cuda'],
      ...lacksCuda(python),
    },
    ...['tfjs-node-gpu', 'webgpu'].map((engine): Entrant => ({
      name: `Tweedie ${engine}`,
      group: 'tweedie',
      threads: 0,
      tasks: TASKS,
      ...tweedie(engine),
      ...here(engine),
    })),
    {
      name: 'TensorFlow.js wasm, as shipped',
      group: 'as shipped',
      threads: 1,
      tasks: ['call', 'sample'],
      ...tweedie('wasm', 'as-shipped'),
    },
    { name: 'TensorFlow.js cpu, as shipped', group: 'as shipped', threads: 1, tasks: ['call'], ...tweedie('cpu', 'as-shipped') },
    {
      name: `tfjs-node, as shipped, ${cores} threads`,
      group: 'as shipped',
      threads: cores,
      tasks: TASKS,
      ...tweedie('tfjs-node', 'as-shipped'),
      ...lacks('@tensorflow/tfjs-node'),
    },
    {
      name: 'jax-js wasm',
      group: 'other',
      threads: 1,
      tasks: ['call', 'train'],
      once: true,
      command: process.execPath,
      args: [beside('../jax.mjs'), weights],
      ...lacks('@jax-js/jax'),
    },
  ];
};

const tweedie = (...args: readonly string[]): { readonly command: string; readonly args: readonly string[] } => ({
  command: process.execPath,
  args: [beside('./contestant.js'), ...args],
});

/** How many threads TensorFlow computes one operation with. */
const threadsOf = (n: number): Readonly<Record<string, string>> => ({
  TF_NUM_INTRAOP_THREADS: String(n),
  TF_NUM_INTEROP_THREADS: '1',
  OMP_NUM_THREADS: String(n),
});

const lacks = (name: string): { readonly absent?: string } => (installed(name) ? {} : { absent: `${name} is not installed` });

const lacksTorch = (python: string): { readonly absent?: string } =>
  answers(python, 'import torch') ? {} : { absent: 'the Python that was given has no torch, or there is none' };

const lacksCuda = (python: string): { readonly absent?: string } =>
  answers(python, 'import sys, torch; sys.exit(0 if torch.cuda.is_available() else 1)')
    ? {}
    : { absent: 'the Python that was given has no torch that finds a CUDA device' };

const lacking = (findings: Awaited<ReturnType<typeof diagnose>>, engine: string): { readonly absent?: string } => {
  const found = findings.find(({ id }) => id === engine);
  return found?.available === true ? {} : { absent: found?.reason ?? 'unknown' };
};

/** Why an engine cannot run here, if it cannot. */
export const here = async (engine: string): Promise<{ readonly absent?: string }> => lacking(await diagnose({ engine: 'wasm' }), engine);

/** Whether a Python runs a program. */
export const answers = (python: string, program: string): boolean => spawnSync(python, ['-c', program], { stdio: 'ignore' }).status === 0;
