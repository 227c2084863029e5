import { getGradient, memory, mul, registerGradient, sub, type Tensor } from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it, vi } from 'vitest';

describe('the probe of second derivatives', () => {
  const right = getGradient('Sigmoid');
  afterEach(() => {
    registerGradient(right);
    vi.resetModules();
  });
  const fresh = async (): Promise<(subject: string) => Promise<void>> => (await import('./second-order.ts')).probeSecondOrder;

  it('is content with the engine of the tests, and leaves nothing behind', async () => {
    const probe = await fresh();
    const before = memory().numTensors;
    await expect(probe('ssm')).resolves.toBeUndefined();
    expect(memory().numTensors).toBe(before);
  });

  it('refuses a gradient that saved its output: what the umbrella package registers', async () => {
    registerGradient({
      kernelName: 'Sigmoid',
      inputsToSave: [],
      outputsToSave: [true],
      gradFunc: (dy, saved) => {
        const [y] = saved as [Tensor];
        return { x: () => mul(dy as Tensor, mul(y, sub(1, y))) };
      },
    });
    await expect((await fresh())('objective ssm')).rejects.toThrow(
      /\[objective ssm\] the engine \w+ has the wrong second derivative of x·sigmoid\(x\) at 0\.7: got .*, expected .*selectEngine of @tweedie\/backend/,
    );
  });

  it('refuses an engine without one, and asks again next time', async () => {
    const probe = await fresh();
    registerGradient({
      kernelName: 'Sigmoid',
      gradFunc: () => {
        throw new Error('no gradient of Sigmoid here');
      },
    });
    await expect(probe('ism')).rejects.toThrow(/got no gradient of Sigmoid here/);
    registerGradient(right);
    await expect(probe('ism')).resolves.toBeUndefined();
  });
});
