import { resolve } from 'node:path';
import { tweedieError, type Json } from '@tweedie/core';
import { readJson } from '@tweedie/core/node';
import type { MethodConfig } from './methods.ts';

/** A sampler as somebody wrote it, and the name that tables have for it. */
export interface SamplerSpec {
  readonly label: string;
  readonly config: MethodConfig;
}

/**
 * Reads a list of samplers: `heun, unipc{order:2}, teleport{then:unipc{order:2}, skipTo:20}, mine.json`.
 *
 * An option is `key:value` or `key=value`; a value is a number, true, false, null, text (in quotes where it holds a comma or a bracket),
 * `[…]`, `{…}`, or a method with its options. A word that ends in `.json` is a file: one configuration, or a list of them. What comes twice
 * is taken once.
 */
export const samplerSpecs = async (text: string, cwd: string, flag = '--samplers'): Promise<readonly SamplerSpec[]> => {
  const read: SamplerSpec[] = [];
  for (const config of parseList(text, flag)) {
    if (config.use.endsWith('.json') && Object.keys(config).length === 1) read.push(...(await fromFile(config.use, cwd)));
    else read.push(specOf(config));
  }
  return read.filter(({ label }, i) => read.findIndex((other) => other.label === label) === i);
};

export const specOf = (config: MethodConfig): SamplerSpec => Object.freeze({ label: written(config), config });

const fromFile = async (path: string, cwd: string): Promise<readonly SamplerSpec[]> => {
  const content = await readJson(resolve(cwd, path));
  return (Array.isArray(content) ? (content as readonly unknown[]) : [content]).map((each) => {
    const config = typeof each === 'string' ? { use: each } : each;
    if (typeof config !== 'object' || config === null || typeof (config as { readonly use?: unknown }).use !== 'string')
      throw tweedieError({
        subject: path,
        problem: 'this names no sampler',
        got: each,
        expected: '{ "use": "unipc", "order": 2 }, a name, or a list of them',
      });
    return specOf(config as MethodConfig);
  });
};

/** `unipc{order:2}`: as it would be written again. */
const written = ({ use, ...options }: MethodConfig): string => {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? use : `${use}{${entries.map(([key, value]) => `${key}:${writtenValue(value)}`).join(',')}}`;
};

const writtenValue = (value: Json): string => {
  if (typeof value === 'string') return /^[^,{}[\]"\s]+$/.test(value) ? value : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(writtenValue).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const { use, ...rest } = value as { readonly [key: string]: Json };
  if (typeof use === 'string') return written({ use, ...rest });
  return `{${Object.entries(value)
    .map(([key, each]) => `${key}:${writtenValue(each as Json)}`)
    .join(',')}}`;
};

const parseList = (text: string, flag: string): readonly MethodConfig[] => {
  let at = 0;
  const refuse = (problem: string): never => {
    throw tweedieError({
      subject: flag,
      problem: `${problem} at character ${at + 1}`,
      got: JSON.stringify(text),
      expected: 'names with commas between them, options in braces',
      remedy: "write 'heun, unipc{order:2}'",
    });
  };
  const space = (): void => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  const take = (pattern: RegExp): string | undefined => {
    space();
    const found = new RegExp(pattern, 'y');
    found.lastIndex = at;
    const word = found.exec(text)?.[0];
    at += word?.length ?? 0;
    space();
    return word;
  };
  const quoted = (): string | undefined => {
    const word = take(/"(?:[^"\\]|\\.)*"|'[^']*'/);
    if (word === undefined) return undefined;
    return word.startsWith('"') ? (JSON.parse(word) as string) : word.slice(1, -1);
  };
  /** Things with commas between them, up to the bracket that closes them. */
  const until = <T>(close: RegExp, one: () => T): T[] => {
    const all: T[] = [];
    if (take(close) !== undefined) return all;
    for (;;) {
      all.push(one());
      if (take(close) !== undefined) return all;
      if (take(/,/) === undefined) refuse(at < text.length ? 'a comma is missing' : 'a bracket is missing');
    }
  };
  const options = (): { readonly [key: string]: Json } =>
    Object.fromEntries(
      until(/\}/, () => {
        const key = quoted() ?? take(/[^\s,{}[\]:=]+/) ?? refuse('an option is missing');
        if (take(/[:=]/) === undefined) refuse(`the value of ${key} is missing`);
        return [key, value()] as const;
      }),
    );
  const value = (): Json => {
    const text_ = quoted();
    if (text_ !== undefined) return text_;
    if (take(/\{/) !== undefined) return options();
    if (take(/\[/) !== undefined) return until(/\]/, value);
    const word = (take(/[^,{}[\]]+/) ?? refuse('a value is missing')).trim();
    if (take(/\{/) !== undefined) return { use: word, ...options() };
    try {
      return JSON.parse(word) as Json;
    } catch {
      return word;
    }
  };
  const all: MethodConfig[] = [];
  do {
    const use = quoted() ?? take(/[^\s,{}[\]:="']+/) ?? refuse('a sampler is missing');
    all.push({ use, ...(take(/\{/) === undefined ? {} : options()) });
  } while (take(/,/) !== undefined);
  if (at < text.length) refuse('this cannot be read');
  return all;
};
