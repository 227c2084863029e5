import type { Json } from '@tweedie/core';
import { inputSchema } from '../config/json-schema.ts';
import { resolveSection, type MethodConfig } from '../experiment/methods.ts';

/** Real data that the model was not trained on: the test split, as it is published, or fresh points. */
export const heldOut = async (data: MethodConfig, exact: MethodConfig | undefined, cwd: string): Promise<MethodConfig> => {
  const { provision } = await resolveSection('data', data.use, cwd);
  const { properties = {} } = inputSchema(provision.options);
  const said = (key: string): boolean => exact?.[key] !== undefined;
  const changes: Record<string, Json> = {};
  if ('split' in properties && !said('split')) changes['split'] = 'test';
  else if ('seed' in properties && 'size' in properties) {
    if (!said('seed')) changes['seed'] = Number(data['seed'] ?? 0) + 1;
    if (!said('size')) changes['size'] = Math.min(4096, Number(data['size'] ?? 4096));
  }
  if ('flip' in properties && !said('flip')) changes['flip'] = false;
  return { ...data, ...changes };
};
