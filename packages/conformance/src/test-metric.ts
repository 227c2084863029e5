import { metricChecks, type MetricSubject } from './metric-checks.ts';
import { registerChecks, type Deviations } from './register-checks.ts';

/** Registers one vitest case per claim of the contract of metrics. Call it at the top of a test file, once per configuration. */
export const testMetric = (subject: MetricSubject & { readonly title?: string; readonly deviates?: Deviations }): void =>
  registerChecks(`metric ${subject.title ?? subject.create().name}`, metricChecks, subject, subject.deviates);
