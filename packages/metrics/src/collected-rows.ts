import type { Tensor } from '@tensorflow/tfjs-core';
import { decodeSafetensors, encodeSafetensors, tweedieError, type Extractor, type Judged } from '@tweedie/core';
import { watchRange, type RangeWatch } from './range-watch.ts';

/** Rows kept by their index, so that neither order nor split can matter. */
export interface CollectedRows {
  /** @throws where a value is not finite, or the rows are of another size. */
  add(values: Float32Array, first: number): void;
  /** Looks at the images of judged rows. */
  readonly watch: RangeWatch;
  state(): Uint8Array;
  merge(state: Uint8Array): void;
  /** [n, width] in the order of their indices. @throws where there are fewer than `least`. */
  sorted(least: number): { readonly n: number; readonly indices: Int32Array; readonly values: Float32Array };
}

/** Of `width` numbers each; two rows of one index are refused. */
export const collectRows = (subject: string, width: number, range?: readonly [number, number]): CollectedRows => {
  const rows = new Map<number, Float32Array>();
  const watch = watchRange(subject, range);
  const put = (index: number, row: Float32Array): void => {
    const wrong = row.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) throw tweedieError({ subject, problem: `what is measured of image ${index} is not finite`, got: wrong });
    if (rows.has(index)) {
      throw tweedieError({
        subject,
        problem: `row ${index} came twice`,
        expected: 'every row once',
        remedy: 'give each shard its own rows: `first` is the index among all',
      });
    }
    rows.set(index, row);
  };
  return {
    watch,
    add: (values, first) => {
      if (values.length % width !== 0) {
        throw tweedieError({
          subject,
          problem: 'the rows are of another size than the real ones',
          got: values.length,
          expected: `a multiple of ${width} numbers`,
        });
      }
      for (let row = 0; row * width < values.length; row++) put(first + row, values.slice(row * width, (row + 1) * width));
    },
    state: () => {
      const indices = Int32Array.from(rows.keys());
      const values = new Float32Array(indices.length * width);
      indices.forEach((index, i) => values.set(rows.get(index)!, i * width));
      return encodeSafetensors({
        tensors: {
          indices: { shape: [indices.length], data: indices },
          values: { shape: [indices.length, width], data: values },
          watch: { shape: [4], data: watch.sums() },
        },
        metadata: { kind: subject },
      });
    },
    merge: (state) => {
      const { tensors, metadata } = decodeSafetensors(state, `${subject} state`);
      const { indices, values, watch: seen } = tensors;
      if (metadata['kind'] !== subject || indices === undefined || seen === undefined || values?.shape[1] !== width) {
        throw tweedieError({
          subject,
          problem: 'this state is of another metric',
          got: metadata['kind'] ?? 'no name',
          expected: `${subject} of width ${width}`,
        });
      }
      indices.data.forEach((index, i) => put(index, (values.data as Float32Array).slice(i * width, (i + 1) * width)));
      watch.merge(seen.data);
    },
    sorted: (least) => {
      if (rows.size < least)
        throw tweedieError({ subject, problem: 'too few rows were judged', got: rows.size, expected: `${least} or more` });
      const order = [...rows.keys()].sort((a, b) => a - b);
      const values = new Float32Array(order.length * width);
      order.forEach((index, i) => values.set(rows.get(index)!, i * width));
      return { n: order.length, indices: Int32Array.from(order), values };
    },
  };
};

/** The values of judged images, seen by a watch. */
export const readImages = async (watch: RangeWatch, { images, first }: Judged): Promise<Float32Array> => {
  const values = (await images.data()) as Float32Array;
  watch.see(values, values.length / images.shape[0]!, first);
  return values;
};

/** Collects judged rows, seen by the watch of `rows`: the images themselves, or what is measured on them, unless it was given. */
export const collectJudged = async (
  rows: CollectedRows,
  judged: Judged,
  measure?: { readonly given: Tensor | undefined; readonly of: (images: Tensor) => Tensor | Promise<Tensor> },
): Promise<void> => {
  const images = await readImages(rows.watch, judged);
  if (measure === undefined) return rows.add(images, judged.first);
  const measured = measure.given ?? (await measure.of(judged.images));
  try {
    rows.add((await measured.data()) as Float32Array, judged.first);
  } finally {
    if (measured !== measure.given) measured.dispose();
  }
};

/** {@link collectJudged} on the features of an extractor, if there is one. */
export const collectFeatures = (rows: CollectedRows, judged: Judged, extractor?: Extractor): Promise<void> =>
  collectJudged(rows, judged, extractor && { given: judged.features, of: (images) => extractor.features(images) });
