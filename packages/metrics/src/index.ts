import { definePlugin, provide } from '@tweedie/core';
import { classMatch, classMatchOptions } from './class-match.ts';
import { frechet, frechetOptions } from './frechet.ts';
import { mmd, mmdOptions } from './mmd.ts';
import { slicedWasserstein, slicedWassersteinOptions } from './sliced-wasserstein.ts';

export { CIFARNET, cifarnet } from './cifarnet.ts';
export { classMatch } from './class-match.ts';
export type { ClassMatchOptions } from './class-match.ts';
export { classifier, featuresOf, logitsOf, seenBy } from './classifier.ts';
export type { ClassifierSpec, Convolution } from './classifier.ts';
export { frechet, frechetDistance } from './frechet.ts';
export type { FrechetOptions } from './frechet.ts';
export { isGrouped, jackknifed, pairedDifference } from './jackknife.ts';
export type { GroupedAccumulator, Jackknifed, LeftOut } from './jackknife.ts';
export { mmd } from './mmd.ts';
export type { MmdOptions } from './mmd.ts';
export { MNISTNET, mnistnet } from './mnistnet.ts';
export { pcaExtractor } from './pca-extractor.ts';
export type { PcaExtractorOptions } from './pca-extractor.ts';
export { rawExtractor } from './raw-extractor.ts';
export { slicedWasserstein, wasserstein2 } from './sliced-wasserstein.ts';
export type { SlicedWassersteinOptions } from './sliced-wasserstein.ts';
export { rangeAbove, targetVariance } from './target-variance.ts';
export type { Estimate, LevelVariance, ReferenceVariance, TargetVariance, TargetVarianceOptions } from './target-variance.ts';

export default definePlugin({
  name: '@tweedie/metrics',
  version: '0.1.0',
  provides: [
    provide({
      kind: 'metric',
      name: 'frechet',
      summary: 'Fréchet distance of features, with its floor and interval; FD-<extractor>',
      options: frechetOptions,
      create: frechet,
    }),
    provide({
      kind: 'metric',
      name: 'sliced-wasserstein',
      summary: 'Squared sliced Wasserstein distance of the data or of features',
      options: slicedWassersteinOptions,
      create: slicedWasserstein,
    }),
    provide({
      kind: 'metric',
      name: 'mmd',
      summary: 'Unbiased squared MMD under a Gaussian kernel, of the data or of features',
      options: mmdOptions,
      create: mmd,
    }),
    provide({
      kind: 'metric',
      name: 'class-match',
      summary: 'Fraction of images that a classifier is sure of and that are what was asked for',
      options: classMatchOptions,
      create: classMatch,
    }),
  ],
});
