import { diagnose, selectEngine } from '@tweedie/backend';
import type { Io } from './io.ts';
import { remember } from './workers/runtime.ts';
import { checkWorkers, type Workers } from './workers/workers.ts';
import type { Purpose } from './machine/measured.ts';

/** Starts the engine that `--backend`, TWEEDIE_BACKEND, what `tweedie doctor` measured or the order of preference asks for. Before anything computes. */
export const startEngine = async (backend: string | undefined, io: Io): Promise<string> =>
  (await startWorkers({ backend, io, purpose: 'sampling' })).engine;

/** The same, and says how many workers there are to be: `--workers`, or what was measured; one without a measurement. */
export const startWorkers = async ({
  backend,
  workers,
  io,
  purpose,
}: {
  readonly backend?: string | undefined;
  readonly workers?: number | undefined;
  readonly io: Io;
  readonly purpose: Purpose;
}): Promise<{ readonly engine: string; readonly workers: Workers }> => {
  if (workers !== undefined) checkWorkers(workers);
  const { fastest, readMeasured, stillHolds } = await import('./machine/measured.ts');
  const measured = await readMeasured();
  const asked = backend !== undefined || (process.env['TWEEDIE_BACKEND'] ?? '') !== '';
  const best = measured === undefined || asked ? undefined : fastest(measured.rows, purpose);
  // Looking at all engines also starts the best; what has come or gone since makes the measurement void.
  const findings = best === undefined ? [] : await diagnose({ engine: best.engine });
  const holds = best !== undefined && stillHolds(measured!, findings);
  const onNotice = (notice: string): void => io.stderr(`${notice}\n`);
  const { id, version } = await selectEngine({ engine: holds ? best.engine : backend, onNotice });
  remember(id);
  const known = holds || (asked && measured?.engines[id] === (version ?? 'unknown'));
  if (workers !== undefined) return { engine: id, workers };
  const row = known ? fastest(measured!.rows, purpose, id) : undefined;
  return { engine: id, workers: row === undefined ? { atMost: 1 } : { atMost: row.workers, start: row.start } };
};
