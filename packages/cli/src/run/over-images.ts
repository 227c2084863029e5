import type { Pool } from '../workers/pool.ts';
import type { DrawJob, Drawing, Drawn, DrawPart } from './drawing.ts';
import { rangesOf, type Range } from './ranges.ts';

/** Does something for ranges of images: one after the other here, or at once by the workers of a pool. The answers are in the order of the ranges. */
export const overImages = async <T>({
  ranges,
  pool,
  here,
  there,
}: {
  readonly ranges: readonly Range[];
  readonly pool: Pool | undefined;
  readonly here: (range: Range) => Promise<T>;
  readonly there: (range: Range, pool: Pool) => Promise<T>;
}): Promise<readonly T[]> => {
  if (pool !== undefined) return Promise.all(ranges.map((range) => there(range, pool)));
  const answers: T[] = [];
  for (const range of ranges) answers.push(await here(range));
  return answers;
};

export interface DrawImagesOptions extends Partial<Pick<DrawPart, 'frames' | 'start'>> {
  readonly drawing: Drawing;
  readonly job: DrawJob;
  readonly count: number;
  readonly first?: number;
  readonly batchSize: number;
  /** Workers that batches are dealt out to; without, they are drawn here. */
  readonly pool?: Pool | undefined;
  /** How many workers the batches are cut for. Default: those of the pool. */
  readonly workers?: number;
  /** Steps of all batches; may throw, and nothing more is drawn. */
  readonly onStep?: (event: { readonly done: number; readonly total: number; readonly images: number }) => void;
}

/** Draws images batch by batch, here or by workers: image i is the same. */
export const drawImages = async ({
  drawing,
  job,
  count,
  first = 0,
  batchSize,
  pool,
  workers = pool?.workers ?? 1,
  frames = 0,
  start = 0,
  onStep,
}: DrawImagesOptions): Promise<Drawn> => {
  const ranges = rangesOf({ count, first, batchSize, workers });
  const total = ranges.length * drawing.plan.steps.length;
  let [done, images] = [0, 0];
  let [fail] = [(_: unknown): void => undefined];
  const stopped = new Promise<never>((_, reject) => {
    fail = reject;
  });
  stopped.catch(() => undefined);
  const step = (): void => {
    done++;
    onStep?.({ done, total: Math.max(total, done), images });
  };
  const counted = async (range: Range, work: (part: DrawPart) => Promise<Drawn>): Promise<Drawn> => {
    const of = (most: number): number => Math.max(0, Math.min(range.count, first + most - range.first));
    const drawn = await work({ ...range, frames: of(frames), start: of(start) });
    images += range.count;
    return drawn;
  };
  const work = overImages({
    ranges,
    pool,
    here: (range) => counted(range, (part) => drawing.draw(part, step)),
    there: (range, { run }) =>
      counted(range, (part) =>
        run('draw', { job, part }, () => {
          try {
            step();
          } catch (error) {
            fail(error);
          }
        }),
      ),
  });
  const parts = await Promise.race([work, stopped]);
  return {
    images: joined(parts.map((part) => part.images)),
    // A batch of an adaptive sampler that was through earlier stays where it was.
    frames: Array.from({ length: Math.max(...parts.map((part) => part.frames.length)) }, (_, i) =>
      joined(parts.flatMap((part) => part.frames[Math.min(i, part.frames.length - 1)] ?? [])),
    ),
    start: joined(parts.map((part) => part.start)),
    calls: parts.reduce((sum, { calls }) => sum + calls, 0) / parts.length,
  };
};

const joined = (parts: readonly Float32Array[]): Float32Array => {
  if (parts.length === 1) return parts[0]!;
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};
