import { selectEngine } from '@tweedie/backend';
import type { Io } from './io.ts';

/** Starts the engine that `--backend`, TWEEDIE_BACKEND or the order of preference asks for. Before anything computes. */
export const startEngine = async (backend: string | undefined, io: Io): Promise<string> => {
  const { id } = await selectEngine({ engine: backend, onNotice: (notice) => io.stderr(`${notice}\n`) });
  return id;
};
