import { keep, type Tensor } from '@tensorflow/tfjs-core';
import type { Levels } from '../contracts/model.ts';
import { levelsOf } from '../process/scale-rows.ts';
import type { Observer } from './score-loss.ts';

/** Effective sample size of each row's target. */
export interface Ess {
  readonly values: Float32Array;
  readonly rho: Float64Array;
  readonly classes: Int32Array;
}

/** Hears what an objective tells of a step, micro-batch by micro-batch. */
export interface Listener {
  /** Of one micro-batch with these labels. */
  observer(label: Tensor | undefined): Observer;
  read(): Promise<{ informative?: number; constant: number; ess?: Ess }>;
  dispose(): void;
}

/** Keeps what an objective tells of the micro-batches of a step, and reads it when they are through. */
export const listener = (): Listener => {
  const [kept, informative, ess, labels, rho]: [Tensor[], Tensor[], Tensor[], (Tensor | undefined)[], Levels[]] = [[], [], [], [], []];
  let constant = 0;
  const keepAlive = <T extends Tensor>(tensor: T): T => {
    const own = keep(tensor.clone());
    kept.push(own);
    return own;
  };
  return {
    observer: (label) => {
      let level: Levels | undefined;
      return {
        levels: (levels) => {
          level ??= levels;
        },
        note: (note) => {
          if (note.informative !== undefined) {
            informative.push(keepAlive(note.informative.value));
            constant += note.informative.constant;
          }
          if (note.ess === undefined) return;
          ess.push(keepAlive(note.ess));
          labels.push(label === undefined ? undefined : keepAlive(label));
          rho.push(level ?? NaN);
        },
      };
    },
    read: async () => {
      const rows = await Promise.all(ess.map((each) => each.data() as Promise<Float32Array>));
      const hot = await Promise.all(labels.map((each) => each?.data()));
      const values = await Promise.all(informative.map((each) => each.data()));
      const classes = rows.flatMap((row, k) => Array.from(row, (_, i) => classOf(hot[k], i, row.length)));
      const result = {
        ...(values.length === 0 ? {} : { informative: values.reduce((total, [value]) => total + value!, 0) }),
        constant,
        ...(rows.length === 0
          ? {}
          : {
              ess: {
                values: Float32Array.from(rows.flatMap((row) => [...row])),
                rho: Float64Array.from(rows.flatMap((row, k) => [...levelsOf(rho[k]!, row.length)])),
                classes: Int32Array.from(classes),
              },
            }),
      };
      kept.forEach((tensor) => tensor.dispose());
      return result;
    },
    dispose: () => kept.forEach((tensor) => tensor.dispose()),
  };
};

/** The class of row i of one-hot rows, −1 for a zero row or where there are none. */
const classOf = (hot: ArrayLike<number> | undefined, row: number, rows: number): number => {
  if (hot === undefined) return -1;
  const classes = hot.length / rows;
  for (let k = 0; k < classes; k++) if (hot[row * classes + k] === 1) return k;
  return -1;
};
