import { bindRun, openRun } from '@tweedie/cli';
import type { Model } from '@tweedie/core';
import type { Subject } from './digits.ts';

/** The denoiser of a subject without classes, on the engine for as long as `work` takes. */
export const withModel = async <T>(
  { path }: Pick<Subject, 'path'>,
  root: string,
  work: (model: Model, modelHash: string) => Promise<T>,
): Promise<T> => {
  const opened = await openRun(path, root);
  const { model, dispose } = await bindRun(opened, opened.config, { cwd: root });
  try {
    return await work({ ...model, classes: 0 }, opened.weights.modelHash);
  } finally {
    dispose();
  }
};
