import { isTweedieError, tweedieError } from '@tweedie/core';

/** A check of one claim about one subject: throws a sentence where the claim does not hold. */
export type Check<Subject> = (subject: Subject) => Promise<void>;

/** Throws that `who` broke a rule of the contract. */
export const broken = (who: string, problem: string, got?: unknown, expected?: string, remedy?: string): never => {
  throw tweedieError({
    subject: `conformance of ${who}`,
    problem,
    ...(got === undefined ? {} : { got }),
    ...(expected === undefined ? {} : { expected }),
    ...(remedy === undefined ? {} : { remedy }),
  });
};

/** Largest difference of two lists; Infinity where they differ in length or one is not finite. */
export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const gap = Math.abs(a[i]! - b[i]!);
    worst = Number.isNaN(gap) ? Infinity : Math.max(worst, gap);
  }
  return worst;
};

/** The largest size of a number in a list. */
export const sizeOf = (a: ArrayLike<number>): number => Array.from(a).reduce((top, v) => Math.max(top, Math.abs(v)), 0);

/** Holds that `act` throws Tweedie's error, at once or as a rejection: what it threw has a subject and says what was wrong. */
export const expectRefusal = async (who: string, what: string, act: () => unknown): Promise<void> => {
  try {
    await act();
  } catch (error) {
    if (!isTweedieError(error))
      broken(
        who,
        `${what} is refused, but not by tweedieError`,
        String(error),
        'a TweedieError',
        'throw tweedieError({ subject, problem, got, expected, remedy })',
      );
    return;
  }
  broken(who, `${what} is not refused`, undefined, undefined, 'throw tweedieError({ subject, problem, got, expected, remedy })');
};

/** Holds that a citation is one BibTeX entry with a title and a year. */
export const expectCitation = (who: string, reference: unknown): void => {
  const ok =
    typeof reference === 'string' && /@\w+\s*\{/.test(reference) && /\btitle\s*=/i.test(reference) && /\byear\s*=/i.test(reference);
  if (!ok) broken(who, '`reference` is not a citation', reference, 'BibTeX with a title and a year');
};

/** Holds that kind, api and name are there. */
export const expectIdentity = (
  method: { readonly kind: string; readonly api: number; readonly name: string; readonly reference: string },
  kind: string,
): void => {
  if (method.kind !== kind) broken(method.name, 'wrong kind', method.kind, kind);
  if (method.api !== 1) broken(method.name, 'another plugin API', method.api, '1');
  if (typeof method.name !== 'string' || !/^[a-z0-9][a-z0-9.+_-]*$/.test(method.name))
    broken(String(method.name), 'the name cannot be written on a command line', method.name, 'lower case letters, digits, . + _ -');
  expectCitation(method.name, method.reference);
};
