// @ts-check
/**
 * npm run generate:first-party
 *
 * Writes packages/core/src/plugin/first-party.ts: which package of ours provides which method, read from the built packages that
 * carry the keyword tweedie-plugin. A test of the cli holds the table against them.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const root = new URL('../..', import.meta.url).pathname;
const path = join(root, 'packages/core/src/plugin/first-party.ts');

/** @type {Record<string, Record<string, string>>} */
const table = { objective: {}, sampler: {}, metric: {}, network: {}, schedule: {}, preconditioner: {}, data: {} };
for (const folder of readdirSync(join(root, 'packages')).sort()) {
  const { name, keywords = [] } = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8'));
  if (!keywords.includes('tweedie-plugin')) continue;
  const { default: plugin } = await import(join(root, 'packages', folder, 'dist/index.js'));
  for (const provision of plugin.provides) (table[provision.kind] ??= {})[provision.name] = name;
}

const head = readFileSync(path, 'utf8').split('export const')[0];
const text = `${head}export const FIRST_PARTY: Readonly<Record<string, Readonly<Record<string, string>>>> = ${JSON.stringify(table, null, 2)};\n`;
writeFileSync(path, await format(text, { ...(await resolveConfig(path)), parser: 'typescript' }));
