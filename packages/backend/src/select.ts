import { getBackend, setBackend } from '@tensorflow/tfjs-core';
import { tweedieError } from '@tweedie/core';
import { ENGINES, candidates, type Candidate, type EngineId } from './candidates.ts';
import { registerGradients } from './gradients/register.ts';
import { assertSingleCore } from './installed.ts';

/** The engine that runs. */
export interface EngineReport {
  readonly id: EngineId;
  /** Its name in TensorFlow.js. */
  readonly backend: string;
  /** Of its package. */
  readonly version: string | null;
  /** What it is here: its adapter, its threads. */
  readonly about: string;
  readonly chosenBy: 'option' | 'TWEEDIE_BACKEND' | 'order';
}

/** What was found of one engine, and why it runs or does not. */
export interface Finding {
  readonly id: EngineId;
  readonly available: boolean;
  readonly chosen: boolean;
  readonly reason: string;
  readonly version: string | null;
}

export interface EngineChoice {
  /** An engine's name: nothing else will do. Default: the environment's TWEEDIE_BACKEND, else the first that starts of tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu. */
  readonly engine?: string | undefined;
  /** Told once when an engine that is installed could not be used. An engine that is absent is no news. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/** Engines are global to a process: so is what was chosen. */
const chosen = new Map<EngineId | 'order', EngineReport>();

type Wish = { engine: string | undefined; chosenBy: EngineReport['chosenBy'] };

const wished = ({ engine }: EngineChoice): Wish => {
  if (engine !== undefined) return { engine, chosenBy: 'option' };
  const environment = typeof process === 'object' ? process.env['TWEEDIE_BACKEND'] : undefined;
  return environment === undefined || environment === ''
    ? { engine: undefined, chosenBy: 'order' }
    : { engine: environment, chosenBy: 'TWEEDIE_BACKEND' };
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]!;

/** Starts one engine and gives it our gradients. */
const start = async (
  candidate: Candidate,
  about: string,
  version: string | null,
  chosenBy: EngineReport['chosenBy'],
): Promise<EngineReport> => {
  for (const name of candidate.packages) assertSingleCore(name);
  await candidate.start();
  registerGradients();
  return Object.freeze({ id: candidate.id, backend: candidate.backend, version, about, chosenBy });
};

/** The engine by this name, or the error that says what to do. */
const startForced = async ({ engine, chosenBy }: Wish): Promise<EngineReport> => {
  const subject = chosenBy === 'option' ? 'backend' : chosenBy;
  const candidate = candidates.find(({ id }) => id === engine);
  if (candidate === undefined) {
    throw tweedieError({
      subject,
      problem: 'there is no engine of this name',
      got: engine,
      expected: `one of ${ENGINES.join(', ')}`,
      code: 'unknown-engine',
    });
  }
  const found = await candidate
    .look({ forced: true })
    .catch((error: unknown) => ({ available: false, reason: messageOf(error), version: null }));
  const refuse = (reason: string, cause?: unknown): Error =>
    tweedieError({
      subject,
      problem: `the engine ${candidate.id} cannot run here (${reason})`,
      remedy: `${candidate.remedy ?? `npm install ${candidate.packages.join(' ')}`}, or choose another: tweedie doctor shows what there is`,
      code: 'engine-unavailable',
      cause,
    });
  if (!found.available) throw refuse(found.reason);
  try {
    return await start(candidate, found.reason, found.version, chosenBy);
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
};

/** The first engine that starts. What was passed over is told to `see`. */
const startFirst = async (see: (finding: Finding, installed: boolean) => void): Promise<EngineReport> => {
  for (const candidate of candidates) {
    const { id } = candidate;
    const found = await candidate
      .look({ forced: false })
      .catch((error: unknown) => ({ available: false, reason: messageOf(error), version: null }));
    if (!found.available) {
      see({ id, chosen: false, ...found }, found.version !== null);
      continue;
    }
    try {
      return await start(candidate, found.reason, found.version, 'order');
    } catch (error) {
      see({ id, available: false, chosen: false, reason: `did not start: ${messageOf(error)}`, version: found.version }, true);
    }
  }
  throw tweedieError({
    subject: 'backend',
    problem: 'no TensorFlow.js engine starts',
    remedy: 'tweedie doctor shows why; npm install @tensorflow/tfjs-backend-wasm repairs the default',
  });
};

const remember = (key: EngineId | 'order', report: EngineReport): EngineReport => {
  chosen.set(key, report);
  return report;
};

/**
 * Makes one TensorFlow.js engine run, complete enough to train: on `wasm` the kernels that it lacks, on every engine gradients that can be
 * differentiated again. Call it before anything computes. Calling it again for the same engine costs nothing; for another, it switches.
 *
 * @throws a TweedieError if the engine that was asked for does not exist or cannot run here.
 */
export const selectEngine = async (choice: EngineChoice = {}): Promise<EngineReport> => {
  const wish = wished(choice);
  const key = (wish.engine ?? 'order') as EngineId | 'order';
  const before = chosen.get(key);
  if (before !== undefined) {
    if (getBackend() !== before.backend) await setBackend(before.backend);
    return before;
  }
  if (wish.engine !== undefined) return remember(key, await startForced(wish));
  const notice = (finding: Finding, there: boolean): void => {
    if (there) choice.onNotice?.(`${finding.id} ${finding.version ?? ''} is installed but is not used: ${finding.reason}`);
  };
  return remember(key, await startFirst(notice));
};

/** What was found of every engine, which runs, and why the others do not: what `tweedie doctor` prints. It selects, but never throws because an engine is missing. */
export const diagnose = async (choice: EngineChoice = {}): Promise<readonly Finding[]> => {
  const wish = wished(choice);
  let failure = '';
  const report = await selectEngine(choice).catch((error: unknown) => {
    failure = messageOf(error);
    return null;
  });
  const rank = report === null ? ENGINES.length : ENGINES.indexOf(report.id);
  const findings: Finding[] = [];
  for (const candidate of candidates) {
    const { id } = candidate;
    if (report !== null && id === report.id) {
      findings.push({
        id,
        available: true,
        chosen: true,
        reason: `${report.about}; ${CHOSEN_BY[report.chosenBy]}`,
        version: report.version,
      });
      continue;
    }
    const found = await candidate
      .look({ forced: false })
      .catch((error: unknown) => ({ available: false, reason: messageOf(error), version: null }));
    const passedOver =
      report === null
        ? ''
        : wish.engine !== undefined
          ? `${wish.engine} was asked for`
          : ENGINES.indexOf(id) > rank
            ? `${report.id} comes first`
            : 'it did not start';
    const reason =
      id === wish.engine && failure !== ''
        ? failure
        : found.available && passedOver !== ''
          ? `${found.reason}; ${passedOver}`
          : found.reason;
    findings.push({ id, available: found.available, chosen: false, reason, version: found.version });
  }
  return findings;
};

const CHOSEN_BY = { option: 'asked for', TWEEDIE_BACKEND: 'asked for by TWEEDIE_BACKEND', order: 'the first that can run' } as const;
