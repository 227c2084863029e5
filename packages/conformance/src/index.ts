export { testSampler } from './test-sampler.ts';
export { testObjective } from './test-objective.ts';
export { testMetric } from './test-metric.ts';
export { checkReadmeBlock, checkReadmeNames, testReadme } from './test-readme.ts';
export { registerChecks, type Deviations } from './register-checks.ts';
export { type Check } from './verdict.ts';
export { correlated, threeModes } from './oracle.ts';
export { tanhScore, type TanhScore } from './tanh-score.ts';
export { hostLosses, type HostScore } from './host-losses.ts';
export { fitAffine, type AffineFit } from './fit-affine.ts';
export { expectNoLeak } from './leak.ts';
export {
  checkSamplerAsynchronous,
  checkSamplerBatch,
  checkSamplerCalls,
  checkSamplerConstants,
  checkSamplerDeterminism,
  checkSamplerFinite,
  checkSamplerIdentity,
  checkSamplerLeaks,
  checkSamplerOrder,
  checkSamplerPlan,
  checkSamplerRefusals,
  checkSamplerState,
  checkSamplerSteps,
  measureOrder,
  samplerChecks,
  type SamplerSubject,
} from './sampler-checks.ts';
export {
  checkObjectiveBatch,
  checkObjectiveDeterminism,
  checkObjectiveGradient,
  checkObjectiveIdentity,
  checkObjectiveLeaks,
  checkObjectiveNonFinite,
  checkObjectiveOptimum,
  checkObjectiveRefusals,
  fitGain,
  objectiveChecks,
  type ObjectiveSetting,
  type ObjectiveSubject,
} from './objective-checks.ts';
export {
  checkMetricDeterminism,
  checkMetricIdentical,
  checkMetricIdentity,
  checkMetricLeaks,
  checkMetricOrder,
  checkMetricRefusals,
  checkMetricResult,
  checkMetricSensitive,
  checkMetricState,
  metricChecks,
  type MetricSubject,
} from './metric-checks.ts';
