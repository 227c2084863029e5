export { tweedieError, isTweedieError, type Complaint, type TweedieError } from './contracts/error.ts';
export type { Schedule, Process } from './contracts/schedule.ts';
export { STREAM, type Draw, type Noise } from './contracts/noise.ts';
export type { Denoiser, Head, Levels, Model } from './contracts/model.ts';
export type { Coefficients, Preconditioner } from './contracts/preconditioner.ts';
export type { Formula, FormulaOp } from './contracts/formula.ts';
export type { Json, Network, ParameterSpec, Weights } from './contracts/network.ts';
export type { Batch, Note, Objective } from './contracts/objective.ts';
export type { Plan, PlanStep, Sampler, SamplerFacts, Step } from './contracts/sampler.ts';
export type { Dataset, Rows } from './contracts/dataset.ts';
export type { Accumulator, Extractor, FeatureCache, Judged, Metric, MetricContext, MetricResult } from './contracts/metric.ts';
export {
  API,
  type Kind,
  type OptionsSchema,
  type Plugin,
  type Provided,
  type Provision,
  type Statistics,
  type StatisticsContext,
  type StatisticsFile,
} from './contracts/plugin.ts';
export { createNoise } from './noise/noise.ts';
export { philox4x32 } from './noise/philox.ts';
export { vpLinear } from './process/vp-linear.ts';
export { vpDiscrete, type Interpolant } from './process/vp-discrete.ts';
export { vpCosine } from './process/vp-cosine.ts';
export { subVp } from './process/sub-vp.ts';
export { ve } from './process/ve.ts';
export { edm } from './process/edm.ts';
export { checkLevels, karras, logSnr, timePower } from './process/levels.ts';
export { levelsOf, mapLevels, scaleRows } from './process/scale-rows.ts';
export { evaluateFormula, formula, LEVEL, levelOrigin, levelRows, type LevelOrigin } from './process/formula.ts';
export { edmPreconditioner, epsPreconditioner, scorePreconditioner, vPreconditioner, x0Preconditioner } from './process/preconditioner.ts';
export { bindModel, type Binding } from './process/model.ts';
export {
  discreteTimeLaw,
  geometricLaw,
  importanceLaw,
  logNormalLaw,
  logUniformLaw,
  uniformTimeLaw,
  type NoiseLaw,
} from './process/noise-law.ts';
export { checkNoiseSettings, drawLevels, noiseLawOf, noiseOptions, type NoiseSettings } from './process/noise-options.ts';
export { dots, halfSquares, noised, predictedNoise, residualOf, type At, type Target } from './process/prediction.ts';
export { detached } from './process/detached.ts';
export { simulated, type SimulatedOptions } from './process/simulated.ts';
export { probeSecondOrder, requireDoubleDifferentiable } from './process/second-order.ts';
export { linearSampler, type LinearSolver, type LinearStep, type Remembered } from './solve/linear.ts';
export { adamsBashforth, type AdamsBashforthOptions } from './solve/adams-bashforth.ts';
export { gaussLegendre, integrate } from './solve/quadrature.ts';
export { dft2, hostDft2, type Dft2, type Dft2Options, type HostSpectrum, type Spectrum } from './solve/dft.ts';
export { dormandPrince, stepFactor } from './solve/dormand-prince.ts';
export { drawPrior } from './solve/prior.ts';
export { owning } from './solve/owning.ts';
export { guided } from './solve/guided.ts';
export { inpainted, type Inpainting } from './solve/inpainted.ts';
export { checkPlugin, createProvided, definePlugin, parseOptions, provide } from './plugin/define.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  floatOfHalf,
  halfOf,
  type Dtype,
  type LoadedTensor,
  type Safetensors,
  type StoredTensor,
} from './io/safetensors.ts';
export { decodeTorch } from './io/torch.ts';
export { checkStatistics, dataHeader, decodeStatistics, encodeStatistics, type StatisticsDemands } from './io/statistics.ts';
export { decodeNpy, decodeNpz, encodeNpy, encodeNpz, type NpyArray } from './io/npz.ts';
export type { Optimizer, Rate } from './contracts/optimizer.ts';
export { createParameters, toTensors, type Parameters } from './run/parameters.ts';
export { adam } from './run/adam.ts';
export { clipped } from './run/clip.ts';
export { trapezoid } from './run/rate.ts';
export { createFeed, type Feed, type FeedOptions } from './run/feed.ts';
export { scoreLoss, type Loss, type Observer } from './run/score-loss.ts';
export { train, type TrainOptions, type TrainState, type TrainStep } from './run/train.ts';
export { partGradient, type BatchPart, type GradientOptions, type PartGradient, type Shards } from './run/gradient.ts';
export type { Ess, Told } from './run/listener.ts';
export { stepsWithin } from './run/budget.ts';
export { oneHotRows } from './run/one-hot.ts';
export { sample, type SampleEvent, type SampleOptions } from './run/sample.ts';
export { repaint, repaintPath, type RepaintOptions } from './run/repaint.ts';
export { bitsPerDim, dequantisationOffset, logLikelihood, type Likelihood, type LikelihoodOptions } from './run/likelihood.ts';
export { batchesOf, judge, type JudgedBatch } from './run/judge.ts';
export { processes } from './process/provisions.ts';
