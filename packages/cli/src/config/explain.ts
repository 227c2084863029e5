import { tweedieError, type TweedieError } from '@tweedie/core';
import type { z } from 'zod';
import { typeOf, type JsonSchema } from './json-schema.ts';

/** What zod found wrong, as one error: every problem names its key, what it got, and what is allowed. */
export const explained = (issues: readonly z.core.$ZodIssue[], input: unknown, schema: JsonSchema, subject: string): TweedieError =>
  tweedieError({ subject, problem: issues.flatMap((issue) => sentences(issue, input, schema)).join('; '), code: 'CONFIG' });

/** `training.stepz: unknown key; allowed: batchSize, …` */
export const unknownKey = (path: readonly string[], allowed: readonly string[]): string =>
  `${path.join('.')}: unknown key; allowed: ${allowed.length === 0 ? 'none' : allowed.join(', ')}`;

const sentences = (issue: z.core.$ZodIssue, input: unknown, schema: JsonSchema): string[] => {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const allowed = Object.keys(schemaAt(schema, path)?.properties ?? {});
    return issue.keys.map((key) => unknownKey([...path, key], allowed));
  }
  const got = show(valueAt(input, path));
  const where = path.join('.') || 'the configuration';
  return [`${where}: got ${got}, expected ${expectation(issue, schemaAt(schema, path))}`];
};

const expectation = (issue: z.core.$ZodIssue, schema: JsonSchema | undefined): string => {
  switch (issue.code) {
    case 'invalid_type':
      return schema === undefined ? issue.expected : article(typeOf(schema));
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `a ${issue.origin === 'string' ? 'longer text' : `number ${issue.inclusive === false ? '>' : '≥'} ${String(issue.minimum)}`}`;
    case 'too_big':
      return `a number ${issue.inclusive === false ? '<' : '≤'} ${String(issue.maximum)}`;
    default:
      return `another value (${issue.message})`;
  }
};

const article = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`);

const schemaAt = (schema: JsonSchema, path: readonly string[]): JsonSchema | undefined =>
  path.reduce<JsonSchema | undefined>((at, key) => at?.properties?.[key], schema);

const valueAt = (input: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined), input);

const show = (value: unknown): string =>
  value === undefined ? 'nothing' : typeof value === 'function' ? 'a function' : JSON.stringify(value);
