import type { Dataset } from '@tweedie/core';
import { compose, DATA, METRICS, token, value } from '@tweedie/core/container';
import type { ReferenceStatistics } from '@tweedie/metrics';
import type { ExperimentConfig } from '../config/experiment.ts';
import { makeMethod, type MethodConfig } from '../experiment/methods.ts';
import { againstStatistics, looksAtTraining } from './against-statistics.ts';
import { extractorFor, extractorSource, isClassifier, type ExtractorSource } from './extractors.ts';
import { heldOut } from './held-out.ts';

/** What the images are judged by: a name, and a file of weights. */
export const EXTRACTOR_SOURCE = token<ExtractorSource>('extractor source');
/** What the judged model was trained on, where it is known: not the data that it is held against. */
export const TRAINED_ON = token<MethodConfig>('trained on');
/** Where the real data are from: their id, or the source of their statistics. */
export const REAL = token<string>('real');

/** Real data, metrics and where the extractor comes from, composed. `exact`: the data section as the user wrote it, whose split is not touched. */
export const composeJudging = async (
  config: ExperimentConfig,
  options: {
    readonly cwd: string;
    readonly metrics?: readonly (string | MethodConfig)[];
    readonly exact?: object;
    readonly reference?: Dataset | ReferenceStatistics;
    /** Whether a given reference is judged as the data of the configuration are. */
    readonly named?: boolean;
    /** Of the images, where statistics say nothing of it. */
    readonly shape?: readonly number[];
    readonly extractor?: string;
    /** What the model was trained on. Default: the split train of data that are judged by their split test. */
    readonly trainedOn?: MethodConfig;
    /** Nobody asked for classes. */
    readonly unlabelled?: boolean;
  },
) => {
  const { cwd, exact, reference: given, named = true } = options;
  const data = config.data as MethodConfig;
  const real = given === undefined ? await heldOut(data, exact as MethodConfig | undefined, cwd) : undefined;
  const reference = real === undefined ? given! : (await makeMethod('data', real, cwd)).it;
  const statistics = 'mean' in reference ? reference : undefined;
  const judged = 'mean' in reference ? { shape: options.shape ?? [] } : reference;
  const extractor =
    options.extractor === undefined ? extractorFor(named ? data.use : undefined, judged) : extractorSource(options.extractor, cwd);
  const chosen = options.metrics ?? (statistics ? ['frechet'] : defaultMetrics(extractor, judged, options.unlabelled === true));
  const made = await Promise.all(chosen.map((metric) => makeMethod('metric', typeof metric === 'string' ? { use: metric } : metric, cwd)));
  const metrics = await Promise.all(made.map((each) => (statistics === undefined ? each.it : againstStatistics(each, statistics))));
  const trainedOn = options.trainedOn ?? (real?.['split'] === 'test' ? { ...real, split: 'train' } : undefined);
  return compose(
    value(METRICS, metrics),
    value(REAL, 'mean' in reference ? reference.source : reference.id),
    ...('mean' in reference ? [] : [value(DATA, reference)]),
    ...(extractor === undefined ? [] : [value(EXTRACTOR_SOURCE, extractor)]),
    ...(trainedOn === undefined || !made.some(looksAtTraining) ? [] : [value(TRAINED_ON, trainedOn)]),
  );
};

const defaultMetrics = (
  extractor: ExtractorSource | undefined,
  { shape }: Pick<Dataset, 'shape'>,
  unlabelled: boolean,
): readonly string[] => {
  if (shape.length === 1) return ['frechet', 'sliced-wasserstein', 'mmd'];
  if (extractor === undefined) return ['sliced-wasserstein', 'mmd'];
  return isClassifier(extractor) && !unlabelled ? ['frechet', 'class-match'] : ['frechet'];
};
