import type { OptionsSchema } from '@tweedie/core';

/** As much of JSON Schema as flags and help are made of. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly items?: JsonSchema | false;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
}

/** How an options schema describes what it takes. */
export const inputSchema = (schema: OptionsSchema): JsonSchema => schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' });

/** A schema in a word or two: `integer`, `number`, `a|b`, `[number, number]`. */
export const typeOf = (schema: JsonSchema): string => {
  if (schema.enum !== undefined) return schema.enum.map(String).join('|');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return either.map(typeOf).join('|');
  if (schema.prefixItems !== undefined) return `[${schema.prefixItems.map(typeOf).join(', ')}]`;
  if (schema.type === 'array') return `${schema.items ? typeOf(schema.items) : 'any'}[]`;
  return schema.type === undefined ? 'any' : [schema.type].flat().join('|');
};

/**
 * The value that a word of the command line means under a schema: text stays text where text is wanted, everything else is read
 * as JSON. What cannot be read stays text, and the schema's own validation says what is wrong with it.
 */
export const valueOf = (text: string, schema: JsonSchema | undefined): unknown => {
  const wanted = schema === undefined ? [] : typesIn(schema);
  const parsed = parse(text);
  if (wanted.length === 0) return parsed;
  const got = parsed === null ? 'null' : Array.isArray(parsed) ? 'array' : typeof parsed;
  if (wanted.includes(got) || (got === 'number' && wanted.includes('integer'))) return parsed;
  return text;
};

const typesIn = (schema: JsonSchema): readonly string[] => {
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return either.flatMap(typesIn);
  if (schema.type !== undefined) return [schema.type].flat();
  return [...(schema.enum ?? []), ...(schema.const === undefined ? [] : [schema.const])].map((value) => typeof value);
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};
