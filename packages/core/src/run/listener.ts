import { keep, type Tensor } from '@tensorflow/tfjs-core';
import type { Note } from '../contracts/objective.ts';

/** Effective sample size of each row's target, with its noise level and class (−1: none). */
export interface Ess {
  readonly values: Float32Array;
  readonly rho: Float64Array;
  readonly classes: Int32Array;
}

/** Everything that an objective told of some rows, on the host. */
export interface Told {
  readonly informative?: number;
  readonly constant: number;
  readonly ess?: Ess;
}

/** What was told of the parts of a batch, as if it had been told of all of it. */
export const together = (parts: readonly Told[]): Told => {
  const informative = parts.flatMap((told) => told.informative ?? []);
  const ess = parts.flatMap((told) => told.ess ?? []);
  return {
    constant: parts.reduce((total, { constant }) => total + constant, 0),
    ...(informative.length === 0 ? {} : { informative: informative.reduce((a, b) => a + b, 0) }),
    ...(ess.length === 0
      ? {}
      : {
          ess: {
            values: Float32Array.from(ess.flatMap(({ values }) => [...values])),
            rho: Float64Array.from(ess.flatMap(({ rho }) => [...rho])),
            classes: Int32Array.from(ess.flatMap(({ classes }) => [...classes])),
          },
        }),
  };
};

/** Hears what an objective tells of a step, micro-batch by micro-batch. */
export interface Listener {
  /** Of one micro-batch with these labels. */
  note(note: Note, label: Tensor | undefined): void;
  /** Everything heard; frees what was kept. */
  read(): Promise<Told>;
  dispose(): void;
}

/** Keeps the tensors of notes, which are lent for the length of a call, and reads them when the step is through. */
export const listener = (): Listener => {
  const kept: Tensor[] = [];
  const own = (tensor: Tensor): Tensor => {
    const copy = keep(tensor.clone());
    kept.push(copy);
    return copy;
  };
  const informative: Tensor[] = [];
  const ess: { values: Tensor; rho: Float64Array; label: Tensor | undefined }[] = [];
  let constant = 0;
  const dispose = (): void => kept.splice(0).forEach((tensor) => tensor.dispose());
  return {
    note: (told, label) => {
      if (told.informative !== undefined) {
        informative.push(own(told.informative.value));
        constant += told.informative.constant;
      }
      if (told.ess !== undefined) ess.push({ values: own(told.ess.values), rho: told.ess.rho, label: label && own(label) });
    },
    read: async () => {
      const parts = await Promise.all(informative.map((each) => each.data()));
      const rows = await Promise.all(
        ess.map(async ({ values, rho, label }) => ({ values: [...(await values.data())], rho, hot: await label?.data() })),
      );
      dispose();
      return {
        constant,
        ...(parts.length === 0 ? {} : { informative: parts.reduce((total, [value]) => total + value!, 0) }),
        ...(rows.length === 0
          ? {}
          : {
              ess: {
                values: Float32Array.from(rows.flatMap(({ values }) => values)),
                rho: Float64Array.from(rows.flatMap(({ rho }) => [...rho])),
                classes: Int32Array.from(rows.flatMap(({ values, hot }) => values.map((_, row) => classOf(hot, row, values.length)))),
              },
            }),
      };
    },
    dispose,
  };
};

/** The class of row i of one-hot rows, −1 for a zero row or where there are none. */
const classOf = (hot: ArrayLike<number> | undefined, row: number, rows: number): number => {
  if (hot === undefined) return -1;
  const classes = hot.length / rows;
  for (let k = 0; k < classes; k++) if (hot[row * classes + k] === 1) return k;
  return -1;
};
