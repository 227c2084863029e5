import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { processes } from '../process/provisions.ts';
import { checkPlugin, createProvided, definePlugin, parseOptions, provide } from './define.ts';

const schedule = provide({
  kind: 'schedule',
  name: 'one',
  summary: 's',
  options: z.strictObject({ a: z.number().min(2).default(3) }),
  create: ({ a }) => ({ ...processesEdm, id: `one(${a})` }),
});
const processesEdm = await createProvided<'schedule'>(
  processes.provides.find(({ name, kind }) => name === 'edm' && kind === 'schedule')!,
  {},
);

describe('definePlugin', () => {
  it('fills in the api, and freezes', () => {
    const plugin = definePlugin({ name: 'p', version: '1.0.0', provides: [schedule] });
    expect(plugin.api).toBe(1);
    expect(Object.isFrozen(plugin) && Object.isFrozen(plugin.provides)).toBe(true);
  });

  it.each([
    ['no default export', undefined, /is no Tweedie plugin: got no default export/],
    ['a function', () => undefined, /is no Tweedie plugin: got function/],
    [
      'api 2',
      { kind: 'plugin', name: 'p', version: '1', api: 2, provides: [] },
      /plugin "p" speaks another version .* got api 2, expected api 1; update @tweedie\/core/,
    ],
    ['no api', { kind: 'plugin', name: 'p', version: '1', provides: [] }, /got api undefined, expected api 1; update p/],
    [
      'an unknown kind',
      { kind: 'plugin', name: 'p', version: '1', api: 1, provides: [{ ...schedule, kind: 'tree' }] },
      /"one" is of an unknown kind: got tree/,
    ],
    [
      'options without a schema',
      { kind: 'plugin', name: 'p', version: '1', api: 1, provides: [{ ...schedule, options: {} }] },
      /schedule "one" is not complete/,
    ],
    [
      'one method twice',
      { kind: 'plugin', name: 'p', version: '1', api: 1, provides: [schedule, schedule] },
      /schedule one is provided twice/,
    ],
  ])('refuses %s', (_, value, message) => {
    expect(() => checkPlugin(value, 'p')).toThrow(message);
  });
});

describe('options', () => {
  it('are validated and defaulted', async () => {
    expect((await createProvided<'schedule'>(schedule, {})).id).toBe('one(3)');
    expect((await createProvided<'schedule'>(schedule, { a: 5 })).id).toBe('one(5)');
  });

  it('are refused by key, value and what is allowed', async () => {
    await expect(parseOptions(schedule.options, { a: 1 }, 'schedule one')).rejects.toThrow(
      /\[schedule one\] a: .*>=2 \(got 1\); the options are a/,
    );
    await expect(parseOptions(schedule.options, { b: 1 }, 'schedule one')).rejects.toThrow(/Unrecognized key: "b"; the options are a/);
    await expect(parseOptions(schedule.options, { a: 'x' }, 'schedule one')).rejects.toThrow(/a: .*number.*\(got "x"\)/);
  });

  it('every schedule and preconditioner of core can be made from nothing', async () => {
    for (const provision of processes.provides) expect(await createProvided(provision, {})).toHaveProperty('id');
  });
});
