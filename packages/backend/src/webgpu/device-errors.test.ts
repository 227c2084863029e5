import { isTweedieError } from '@tweedie/core';
import { expect, it } from 'vitest';
import { reportDeviceErrors } from './device-errors.ts';
import type { WebGpu } from './kernel.ts';

/** An engine whose device goes wrong when it is told to. */
const fake = () => {
  let complain: (event: { error: Error; preventDefault(): void }) => void = () => {};
  let lose: (loss: { reason: string; message: string }) => void = () => {};
  const gpu = {
    device: {
      limits: { maxStorageBuffersPerShaderStage: 8 },
      lost: new Promise<{ reason: string; message: string }>((resolve) => (lose = resolve)),
      addEventListener: (_: string, listener: typeof complain) => (complain = listener),
    },
    read: () => Promise.resolve(new Float32Array([1])),
  } as unknown as WebGpu;
  reportDeviceErrors(gpu);
  const handled: string[] = [];
  return {
    read: () => gpu.read({}),
    complain: (message: string) => complain({ error: new Error(message), preventDefault: () => handled.push(message) }),
    lose: (reason: string) => lose({ reason, message: 'it is gone' }),
    handled,
  };
};

const refusal = async (read: Promise<unknown>): Promise<string> => {
  const error = await read.catch((reason: unknown) => reason);
  if (!isTweedieError(error)) throw new Error('expected a TweedieError');
  expect(error.complaint.code).toBe('DEVICE_ERROR');
  return String(error.complaint.got);
};

it('throws the first of what the device refused at the next read, once', async () => {
  const { read, complain, handled } = fake();
  expect(await read()).toEqual(new Float32Array([1]));
  complain('\nOut of memory: 4 GiB\n - While calling CreateBuffer');
  complain('[Invalid Buffer] is invalid due to a previous error.');
  expect(handled).toHaveLength(2);
  expect(await refusal(read())).toBe('Out of memory: 4 GiB');
  expect(await read()).toEqual(new Float32Array([1]));
});

it('tells a lost device from one that was given back', async () => {
  const lost = fake();
  lost.lose('unknown');
  await Promise.resolve();
  expect(await refusal(lost.read())).toBe('the device was lost: it is gone');
  const closed = fake();
  closed.lose('destroyed');
  await Promise.resolve();
  expect(await closed.read()).toEqual(new Float32Array([1]));
});
