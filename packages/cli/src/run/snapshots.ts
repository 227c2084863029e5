/** The steps whose weights a run keeps: the last, half as many, a quarter …, `count` of them as long as there are whole steps. */
export const snapshotSteps = (steps: number, count: number): ReadonlySet<number> =>
  new Set(Array.from({ length: count }, (_, k) => Math.floor(steps / 2 ** k)).filter((step) => step >= 1));

/** Sorts as a number does. */
export const snapshotFile = (step: number): string => `step-${String(step).padStart(8, '0')}.safetensors`;

/** The step of a snapshot by the name of its file; undefined where it is no name of one. */
export const stepOfSnapshot = (file: string): number | undefined => {
  const digits = /^step-(\d{8,})\.safetensors$/.exec(file)?.[1];
  return digits === undefined ? undefined : Number(digits);
};
