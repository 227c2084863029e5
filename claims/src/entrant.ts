import { createNoise, sample, type Sampler, type Schedule } from '@tweedie/core';
import type { Lab } from './claim.ts';
import { draw, judged, quality, round, type Drawn, type Images, type Quality, type Subject } from './digits.ts';
import { needing, type PreparedFile } from './prepared-file.ts';
import { withModel } from './with-model.ts';

/** A sampler in a comparison. */
export interface Entrant {
  /** What tables call it. */
  readonly name: string;
  /** As a configuration names it; where `own` makes it, as the keys of its cells do. */
  readonly sampler: Drawn['sampler'];
  readonly levels?: NonNullable<Drawn['levels']>;
  /** Statistics that it reads, by name. */
  readonly files?: { readonly [name: string]: PreparedFile };
  /** What no configuration says: a sampler made in code, or the time of another schedule than the model was trained by. */
  readonly own?: {
    readonly schedule: Schedule;
    sampler(): Promise<Sampler>;
    levels(steps: number): Float64Array;
  };
}

export interface Draws {
  readonly steps: number;
  readonly n: number;
  readonly seed: number;
}

/** What the images of an entrant are worth; one cell. Equal seeds begin with equal noise. */
export const qualityOf = (lab: Lab, subject: Subject, entrant: Entrant, draws: Draws): Promise<Quality> => {
  const ready = needing(lab, Object.values(entrant.files ?? {}));
  if (entrant.own === undefined) return quality(ready, drawnBy(subject, entrant, draws));
  return judged(ready, subject, keyOf(entrant, draws), () => imagesOf(lab, subject, entrant, draws));
};

/** Root mean square distance, over pixels and images, from where the flow itself leads from the same noise; one cell. */
export const offTheFlow = (lab: Lab, subject: Subject, entrant: Entrant, draws: Draws): Promise<number> =>
  needing(lab, Object.values(entrant.files ?? {})).cell(
    { kind: 'off the flow', model: subject.modelHash, exact: EXACT, ...keyOf(entrant, draws) },
    async () => {
      const { images } = await imagesOf(lab, subject, entrant, draws);
      const exact = await theFlow(lab, subject, draws);
      return round(Math.sqrt(images.reduce((sum, v, i) => sum + (v - exact[i]!) ** 2, 0) / images.length));
    },
  );

/** Who is taken for the exact solution. */
const EXACT = 'heun, 64 steps';
const exactly = { sampler: { use: 'heun' }, steps: 64 } as const;

const solved = new Map<string, Promise<Float32Array>>();

const theFlow = (lab: Lab, subject: Subject, { n, seed }: Draws): Promise<Float32Array> => {
  const key = `${subject.modelHash} ${n} ${seed}`;
  const known = solved.get(key) ?? draw(lab, { subject, ...exactly, n, seed }).then(({ images }) => images);
  solved.set(key, known);
  return known;
};

const hashesOf = ({ files = {} }: Entrant): { readonly [name: string]: string } =>
  Object.fromEntries(Object.entries(files).map(([name, { hash }]) => [name, hash]));

const drawnBy = (subject: Subject, entrant: Entrant, draws: Draws): Drawn => ({
  subject,
  sampler: entrant.sampler,
  ...(entrant.levels === undefined ? {} : { levels: entrant.levels }),
  ...draws,
  files: hashesOf(entrant),
});

const keyOf = (entrant: Entrant, { steps, n, seed }: Draws) => ({
  sampler: { ...entrant.sampler } as { [name: string]: string | number },
  levels: { ...entrant.levels } as { [name: string]: string | number | boolean },
  ...(entrant.own === undefined ? {} : { schedule: entrant.own.schedule.id }),
  steps,
  n,
  seed,
  files: { ...hashesOf(entrant) },
});

const imagesOf = (lab: Lab, subject: Subject, entrant: Entrant, draws: Draws): Promise<Images> => {
  const { own } = entrant;
  if (own === undefined) return draw(lab, drawnBy(subject, entrant, draws));
  return withModel(subject, lab.root, async ({ shape, denoise }) => {
    const sampler = await own.sampler();
    const plan = sampler.plan(own.schedule, own.levels(draws.steps));
    const size = shape.reduce((product, k) => product * k, 1);
    const images = new Float32Array(draws.n * size);
    const began = performance.now();
    let calls = 0;
    const counted: typeof denoise = (y, rho, label) => {
      calls += y.shape[0]!;
      return denoise(y, rho, label);
    };
    const noise = createNoise(BigInt(draws.seed));
    for await (const event of sample({ sampler, plan, denoise: counted, shape, count: draws.n, batchSize: 100, noise })) {
      if (event.kind === 'images') images.set((await event.images.data()) as Float32Array, event.first * size);
      else await new Promise<void>((next) => setImmediate(next));
      lab.signal?.throwIfAborted();
    }
    return { images, shape, nfe: calls / draws.n, seconds: (performance.now() - began) / 1000 };
  });
};
