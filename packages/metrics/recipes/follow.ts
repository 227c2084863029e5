import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors, encodeSafetensors, type Dataset, type TrainState } from '@tweedie/core';
import { readBytes, writeFileAtomic } from '@tweedie/core/node';
import { trainClassifier, type Recipe } from './train-classifier.ts';

/**
 * A recipe as a command: trains on the engine that `TWEEDIE_BACKEND` names, writes `<name>.safetensors` and `<name>.log.jsonl` into
 * the folder OUT (default: this package's weights), for STEPS steps (default: the recipe's). Every 200 steps it saves where it is
 * beside them (`<name>.state.safetensors`, removed at the end): run again, it goes on from there.
 */
export const follow = async (recipe: Recipe, data: (split: 'train' | 'test') => Promise<Dataset>): Promise<void> => {
  const { selectEngine } = await import('@tweedie/backend');
  await selectEngine({});
  const folder = process.env['OUT'] ?? fileURLToPath(new URL('weights/', import.meta.resolve('@tweedie/metrics/package.json')));
  const path = (ending: string): string => join(folder, `${recipe.spec.name}.${ending}`);
  const paused = existsSync(path('state.safetensors')) ? await readState(path('state.safetensors')) : undefined;
  const lines = paused?.lines ?? [];
  const seconds = lines.length === 0 ? 0 : (JSON.parse(lines.at(-1)!) as { seconds: number }).seconds;
  const { file } = await trainClassifier(recipe, {
    train: await data('train'),
    test: await data('test'),
    steps: Number(process.env['STEPS'] ?? recipe.steps),
    ...(paused === undefined ? {} : { state: paused.state }),
    log: (line) => {
      lines.push(JSON.stringify('seconds' in line ? { ...line, seconds: seconds + Number(line['seconds']) } : line));
      process.stderr.write(`${lines.at(-1)}\n`);
    },
    save: { every: 200, to: (state) => writeFileAtomic(path('state.safetensors'), encodeState(state, lines)) },
  });
  await writeFileAtomic(path('safetensors'), file);
  await writeFileAtomic(path('log.jsonl'), `${lines.join('\n')}\n`);
  await rm(path('state.safetensors'), { force: true });
};

const encodeState = ({ step, slots, ...vectors }: TrainState, lines: readonly string[]): Uint8Array =>
  encodeSafetensors({
    tensors: Object.fromEntries(
      [...Object.entries(vectors), ...Object.entries(slots).map(([name, data]) => [`slot.${name}`, data] as const)].map(([name, data]) => [
        name,
        { shape: [data.length], data },
      ]),
    ),
    metadata: { step: `${step}`, log: lines.join('\n') },
  });

const readState = async (path: string): Promise<{ readonly state: TrainState; readonly lines: string[] }> => {
  const { tensors, metadata } = decodeSafetensors(await readBytes(path), path);
  const vector = (name: string): Float32Array => tensors[name]!.data as Float32Array;
  return {
    state: {
      step: Number(metadata['step']),
      parameters: vector('parameters'),
      ema: vector('ema'),
      slots: Object.fromEntries(
        Object.keys(tensors)
          .filter((name) => name.startsWith('slot.'))
          .map((name) => [name.slice(5), vector(name)]),
      ),
    },
    lines: (metadata['log'] ?? '').split('\n').filter((line) => line !== ''),
  };
};
