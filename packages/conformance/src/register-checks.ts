import { describe, it } from 'vitest';
import { broken, type Check } from './verdict.ts';

/** A published form that breaks a rule on purpose: the sentence of the check, and why. The check must then fail. */
export type Deviations = Readonly<Record<string, string>>;

/** One `it` per check; a deviation is held to be one, so that it goes when its reason goes. */
export const registerChecks = <Subject>(
  title: string,
  checks: Readonly<Record<string, Check<Subject>>>,
  subject: Subject,
  deviates: Deviations = {},
): void => {
  const unknown = Object.keys(deviates).find((sentence) => !(sentence in checks));
  if (unknown !== undefined) broken(title, 'a deviation from a rule that does not exist', unknown, Object.keys(checks).join(' | '));
  describe(`${title} conforms`, () => {
    for (const [sentence, check] of Object.entries(checks)) {
      const reason = deviates[sentence];
      if (reason === undefined) it(sentence, () => check(subject));
      else
        it(`${sentence}: does not, because ${reason}`, async () => {
          const held = await check(subject).then(
            () => true,
            () => false,
          );
          if (held) broken(title, `a declared deviation is none: it ${sentence}`, undefined, undefined, 'remove it from `deviates`');
        });
    }
  });
};
