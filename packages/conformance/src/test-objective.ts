import { objectiveChecks, type ObjectiveSubject } from './objective-checks.ts';
import { registerChecks, type Deviations } from './register-checks.ts';

/** Registers one vitest case per claim of the contract of objectives. Call it at the top of a test file, once per configuration. */
export const testObjective = (subject: ObjectiveSubject & { readonly title?: string; readonly deviates?: Deviations }): void =>
  registerChecks(`objective ${subject.title ?? subject.create().name}`, objectiveChecks, subject, subject.deviates);
