import type { Kind } from '@tweedie/core';
import { inputSchema, typeOf } from '../config/json-schema.ts';
import { table } from '../io.ts';
import { resolveSection } from './methods.ts';

/** A method's options as flags, for `--help`: type, description and default, from its schema. */
export const describeMethod = async (kind: Kind, use: string, cwd: string): Promise<string> => {
  const { plugin, provision } = await resolveSection(kind, use, cwd);
  const { properties = {}, required = [] } = inputSchema(provision.options);
  const rows = Object.entries(properties).map(([key, schema]) => {
    const byDefault =
      schema.default === undefined
        ? required.includes(key)
          ? ' (required, or filled in)'
          : ''
        : ` (default: ${JSON.stringify(schema.default)})`;
    return [
      `  --${kind}.${kind === 'metric' ? `${use}.` : ''}${key} <${typeOf(schema)}>`,
      `${schema.description ?? ''}${byDefault}`.trim(),
    ];
  });
  const statistics =
    provision.statistics === undefined
      ? ''
      : `  statistics: ${provision.statistics.kind} — ${provision.statistics.summary}; tweedie stats ${use} ${provision.statistics.needs === 'model' ? 'RUN' : 'DATA'} --out FILE\n`;
  const options = rows.length === 0 ? '  no options\n' : `${table(rows).join('\n')}\n`;
  return `\nOptions of the ${kind} ${use} (${plugin.name} ${plugin.version}): ${provision.summary}\n${options}${statistics}`;
};
