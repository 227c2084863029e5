import { memory, getBackend, tensor1d } from '@tensorflow/tfjs-core';
import { isTweedieError } from '@tweedie/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ENGINES } from './candidates.ts';
import { installed } from './installed.ts';
import { diagnose, selectEngine } from './select.ts';

afterEach(async () => {
  vi.unstubAllEnvs();
  await selectEngine({ engine: 'wasm' });
});

/** Engines that somebody may have installed here, and their packages. */
const FURTHER = [
  ['tfjs-node-gpu', '@tensorflow/tfjs-node-gpu'],
  ['tfjs-node', '@tensorflow/tfjs-node'],
  ['webgpu', '@tensorflow/tfjs-backend-webgpu'],
] as const;

const complaintOf = async (attempt: Promise<unknown>): Promise<{ message: string; code: string | undefined }> => {
  const error = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isTweedieError(error)) throw new Error('expected a TweedieError');
  return { message: error.message, code: error.complaint.code };
};

describe('selectEngine', () => {
  it('runs what is asked for, and switches', async () => {
    for (const engine of ['cpu', 'wasm'] as const) {
      const report = await selectEngine({ engine });
      expect(report).toMatchObject({ id: engine, backend: engine, version: '4.22.0', chosenBy: 'option' });
      expect(getBackend()).toBe(engine);
    }
  });

  it('the option wins over TWEEDIE_BACKEND, which wins over the order', async () => {
    vi.stubEnv('TWEEDIE_BACKEND', 'cpu');
    expect((await selectEngine()).id).toBe('cpu');
    expect((await selectEngine({ engine: 'wasm' })).id).toBe('wasm');
    vi.stubEnv('TWEEDIE_BACKEND', '');
    const notices: string[] = [];
    const report = await selectEngine({ onNotice: (notice) => notices.push(notice) });
    expect(report.chosenBy).toBe('order');
    const news = notices.filter((notice) => !FURTHER.some(([id, name]) => notice.startsWith(id) && installed(name) !== null));
    expect(news, 'what is not installed is no news').toEqual([]);
  });

  it('a second call is cheap and leaves nothing behind', async () => {
    const first = await selectEngine({ engine: 'wasm' });
    const tensors = memory().numTensors;
    const start = performance.now();
    for (let i = 0; i < 100; i++) expect(await selectEngine({ engine: 'wasm' })).toBe(first);
    expect(performance.now() - start).toBeLessThan(100);
    expect(memory().numTensors).toBe(tensors);
  });

  it('says what to do about an engine that is unknown or absent', async () => {
    const unknown = await complaintOf(selectEngine({ engine: 'webgl' }));
    expect(unknown.code).toBe('unknown-engine');
    expect(unknown.message).toBe(
      '[backend] there is no engine of this name: got webgl, expected one of tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu',
    );
    vi.stubEnv('TWEEDIE_BACKEND', 'tfjs-node-gpu');
    const absent = await complaintOf(selectEngine());
    expect(absent.code).toBe('engine-unavailable');
    expect(absent.message).toMatch(
      /^\[TWEEDIE_BACKEND\] the engine tfjs-node-gpu cannot run here \(not installed\); npm install @tensorflow\/tfjs-node-gpu, or/,
    );
    expect(getBackend(), 'a refusal changes nothing').toBe('wasm');
  });

  it('does not advertise on first use', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    await selectEngine({ engine: 'cpu' });
    tensor1d([1, 2]).dispose();
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});

describe('diagnose', () => {
  it('tells of every engine what was found and why it does not run', async () => {
    const findings = await diagnose({ engine: 'wasm' });
    expect(findings.map(({ id }) => id)).toEqual([...ENGINES]);
    expect(findings.filter(({ chosen }) => chosen).map(({ id }) => id)).toEqual(['wasm']);
    expect(findings.find(({ id }) => id === 'cpu')).toMatchObject({ available: true, chosen: false, version: '4.22.0' });
    for (const { reason } of findings) expect(reason).not.toBe('');
  });

  it('does not throw when the engine that was asked for is missing', async () => {
    const findings = await diagnose({ engine: 'tfjs-node-gpu' });
    expect(findings.some(({ chosen }) => chosen)).toBe(false);
    expect(findings[0]!.reason).toContain('cannot run here');
  });
});
