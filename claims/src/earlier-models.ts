import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tweedieError } from '@tweedie/core';
import { readWeights } from '@tweedie/core/node';
import type { Lab } from './claim.ts';
import type { Subject } from './digits.ts';

/** The model as it was after fewer steps. */
export interface EarlierModel {
  readonly step: number;
  readonly modelHash: string;
  /** Its weights; throws where they are not here. */
  path(): string;
}

/** All snapshots of the run that the recipe of examples/digits trains. */
const RUN = 'runs/digits/snapshots';
const MOST = 8192;

/**
 * The model in training, fewest steps first: the snapshots of the recipe's run where that is here, else those that ship beside the
 * model. Which there are is a cell, so that documents need no weights.
 */
export const earlierModels = async (lab: Lab, { path, modelHash }: Subject): Promise<readonly EarlierModel[]> => {
  const run = join(lab.root, RUN);
  const here = lab.quick || !existsSync(run) ? dirname(path) : run;
  const listed = await lab.cell({ kind: 'snapshots', model: modelHash }, async () => {
    const found: { readonly step: number; readonly modelHash: string }[] = [];
    for (const { step, file } of stepsIn(here)) {
      const { modelHash: hash } = await readWeights(join(here, file));
      if (hash !== modelHash) found.push({ step, modelHash: hash });
    }
    return found.map(({ step, modelHash: hash }) => [step, hash] as const);
  });
  return listed.map(([step, hash]) => ({
    step,
    modelHash: hash,
    path: () => {
      const found = stepsIn(here).find((each) => each.step === step);
      if (found === undefined)
        throw tweedieError({
          subject: `the digits model at step ${step}`,
          problem: 'its weights are not here',
          remedy: `train it: npm run digits -w @tweedie/example-digits -- train`,
          code: 'MISSING',
        });
      return join(here, found.file);
    },
  }));
};

/** Weights called `…step-N.safetensors`, from the eighth step to the 8192nd. */
const stepsIn = (folder: string): readonly { readonly step: number; readonly file: string }[] =>
  readdirSync(folder)
    .flatMap((file) => {
      const step = Number(/step-(\d+)\.safetensors$/.exec(file)?.[1] ?? NaN);
      return step >= 8 && step <= MOST ? [{ step, file }] : [];
    })
    .sort((a, b) => a.step - b.step);
