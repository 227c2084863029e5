import { tweedieError } from '@tweedie/core';
import { z } from 'zod';
import { experimentConfig, type ExperimentConfig } from './experiment.ts';
import { explained } from './explain.ts';
import type { JsonSchema } from './json-schema.ts';

/** The configuration's shape as JSON Schema: for flags, help and messages. */
export const experimentSchema = (): JsonSchema => z.toJSONSchema(experimentConfig, { io: 'input' }) as JsonSchema;

/** Validates a configuration and fills in its defaults. The result is plain JSON. Errors name the key, what it got and what is allowed. */
export const parseExperiment = (input: unknown, subject = 'config'): ExperimentConfig => {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw tweedieError({
      subject,
      problem: 'this is no configuration',
      got: input === undefined ? 'nothing' : input,
      expected: 'an object',
      remedy: 'export an object with keys such as data, network, training',
      code: 'CONFIG',
    });
  }
  const result = experimentConfig.safeParse(input);
  if (!result.success) throw explained(result.error.issues, input, experimentSchema(), subject);
  return plain(result.data, subject);
};

/** A configuration is stored in files: what JSON does not carry is refused. */
const plain = (config: ExperimentConfig, subject: string): ExperimentConfig => {
  const check = (value: unknown, path: string): unknown => {
    if (value === undefined) return undefined;
    if (typeof value === 'number' && !Number.isFinite(value)) return refuse(value, path);
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value;
    if (Array.isArray(value)) return value.map((each, i) => check(each, `${path}.${i}`));
    if (typeof value !== 'object') return refuse(typeof value, path);
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, each]) => each !== undefined)
        .map(([key, each]) => [key, check(each, path === '' ? key : `${path}.${key}`)]),
    );
  };
  const refuse = (got: unknown, path: string): never => {
    throw tweedieError({
      subject,
      problem: `${path}: this cannot be stored in a file`,
      got,
      expected: 'finite numbers, text, true, false, lists and objects',
      code: 'CONFIG',
    });
  };
  return check(config, '') as ExperimentConfig;
};
