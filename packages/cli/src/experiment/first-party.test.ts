import type { Plugin } from '@tweedie/core';
import { FIRST_PARTY as table } from '@tweedie/core/node';
import { expect, it } from 'vitest';
import { FIRST_PARTY as packages } from './methods.ts';

it("core's table of first-party methods is what the packages provide (else: npm run generate:first-party)", async () => {
  const provided: Record<string, Record<string, string>> = {};
  for (const [name, load] of Object.entries(packages)) {
    const { default: plugin } = (await load()) as { readonly default: Plugin };
    expect(plugin.name).toBe(name);
    for (const provision of plugin.provides) (provided[provision.kind] ??= {})[provision.name] = name;
  }
  expect(Object.fromEntries(Object.entries(table).filter(([, methods]) => Object.keys(methods).length > 0))).toEqual(provided);
});
