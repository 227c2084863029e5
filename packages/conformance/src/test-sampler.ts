import { registerChecks, type Deviations } from './register-checks.ts';
import { samplerChecks, type SamplerSubject } from './sampler-checks.ts';

/** Registers one vitest case per claim of the contract of samplers. Call it at the top of a test file, once per configuration. */
export const testSampler = (subject: SamplerSubject & { readonly title?: string; readonly deviates?: Deviations }): void =>
  registerChecks(`sampler ${subject.title ?? subject.create().name}`, samplerChecks, subject, subject.deviates);
