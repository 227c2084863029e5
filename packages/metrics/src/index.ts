import { definePlugin, provide } from '@tweedie/core';
import { bitsPerDimOptions, modelBitsPerDim } from './bits-per-dim.ts';
import { classMatch, classMatchOptions } from './class-match.ts';
import { densityCoverage, densityCoverageOptions } from './density-coverage.ts';
import { frechet, frechetOptions } from './frechet.ts';
import { imageStatistics, imageStatisticsOptions } from './image-statistics.ts';
import { inceptionScore, inceptionScoreOptions } from './inception-score.ts';
import { kernelDistance, kernelDistanceOptions } from './kernel-distance.ts';
import { memorisation, memorisationOptions } from './memorisation.ts';
import { mmd, mmdOptions } from './mmd.ts';
import { precisionRecall, precisionRecallOptions } from './precision-recall.ts';
import { slicedWasserstein, slicedWassersteinOptions } from './sliced-wasserstein.ts';

export { CIFARNET, cifarnet } from './cifarnet.ts';
export { modelBitsPerDim } from './bits-per-dim.ts';
export type { BitsPerDimOptions } from './bits-per-dim.ts';
export { classMatch } from './class-match.ts';
export type { ClassMatchOptions } from './class-match.ts';
export { classifier, featuresOf, logitsOf, seenBy } from './classifier.ts';
export type { ClassifierSpec, Convolution } from './classifier.ts';
export { coverageOfEqualLaws, densityCoverage } from './density-coverage.ts';
export type { DensityCoverageOptions } from './density-coverage.ts';
export { frechet, frechetDistance } from './frechet.ts';
export type { FrechetOptions } from './frechet.ts';
export { imageStatistics } from './image-statistics.ts';
export type { ImageStatisticsOptions } from './image-statistics.ts';
export { inceptionScore } from './inception-score.ts';
export type { InceptionScoreOptions } from './inception-score.ts';
export { isGrouped, jackknifed, pairedDifference } from './jackknife.ts';
export type { GroupedAccumulator, Jackknifed, LeftOut } from './jackknife.ts';
export { kernelDistance } from './kernel-distance.ts';
export type { KernelDistanceOptions } from './kernel-distance.ts';
export { memorisation } from './memorisation.ts';
export type { MemorisationOptions } from './memorisation.ts';
export { mmd } from './mmd.ts';
export type { MmdOptions } from './mmd.ts';
export { MNISTNET, mnistnet } from './mnistnet.ts';
export { pcaExtractor } from './pca-extractor.ts';
export type { PcaExtractorOptions } from './pca-extractor.ts';
export { MNISTNET, mnistnet, mnistnetFeatures, mnistnetLogits, seenByMnistnet } from './mnistnet.ts';
export { precisionRecall } from './precision-recall.ts';
export type { PrecisionRecallOptions } from './precision-recall.ts';
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
    provide({
      kind: 'metric',
      name: 'kernel-distance',
      summary: 'Unbiased kernel distance of features under a cubic kernel; KD-<extractor>',
      options: kernelDistanceOptions,
      create: kernelDistance,
    }),
    provide({
      kind: 'metric',
      name: 'inception-score',
      summary: 'How sure a classifier is of each image, and of how many classes; IS-<extractor>',
      options: inceptionScoreOptions,
      create: inceptionScore,
    }),
    provide({
      kind: 'metric',
      name: 'precision-recall',
      summary: 'Fractions of judged and of real images in the support of the others, by nearest neighbours; PR-<extractor>',
      options: precisionRecallOptions,
      create: precisionRecall,
    }),
    provide({
      kind: 'metric',
      name: 'density-coverage',
      summary: 'Judged images per ball about a real one, and balls that hold one; DC-<extractor>',
      options: densityCoverageOptions,
      create: densityCoverage,
    }),
    provide({
      kind: 'metric',
      name: 'memorisation',
      summary: 'Fraction of images nearer to the training data than held-out real images are',
      options: memorisationOptions,
      create: memorisation,
    }),
    provide({
      kind: 'metric',
      name: 'image-statistics',
      summary: 'Power spectrum, tails, neighbours and components beside the real ones; no extractor',
      options: imageStatisticsOptions,
      create: imageStatistics,
      name: 'bits-per-dim',
      summary: 'Bits per dimension of real images under the model, by its probability-flow ODE',
      options: bitsPerDimOptions,
      create: modelBitsPerDim,
    }),
  ],
});
