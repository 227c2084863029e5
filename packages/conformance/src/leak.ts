import { memory, type Tensor } from '@tensorflow/tfjs-core';
import { broken } from './verdict.ts';

/** Runs `act`, and holds that it leaves exactly `kept` tensors more than there were. What `act` throws is swallowed if `throws` says that it should throw. */
export const expectNoLeak = async (
  who: string,
  when: string,
  act: () => Promise<void>,
  { kept = 0, throws = false }: { readonly kept?: number; readonly throws?: boolean } = {},
): Promise<void> => {
  const before = memory().numTensors;
  let thrown: unknown;
  try {
    await act();
  } catch (error) {
    thrown = error;
    if (!throws) throw error;
  }
  if (throws && thrown === undefined) broken(who, `an error was swallowed ${when}`, undefined, 'the error to reach the caller');
  const left = memory().numTensors - before - kept;
  if (left > 0)
    broken(who, `tensors leak ${when}`, left, '0', 'dispose what you make (tidy, try/finally), also when a generator ends early');
  if (left < 0) broken(who, `tensors that were lent were disposed ${when}`, -left, '0', 'arguments are lent: never dispose them');
};

/** Holds that lent tensors are still there. */
export const expectAlive = (who: string, when: string, ...tensors: readonly (Tensor | undefined)[]): void => {
  if (tensors.some((t) => t?.isDisposed))
    broken(who, `an argument was disposed ${when}`, undefined, undefined, 'arguments are lent: never dispose them');
};

/** The values of a tensor. */
export const read = async (t: Tensor): Promise<Float32Array> => Float32Array.from(await t.data());

/** The values of a tensor, which is then disposed. */
export const take = async (t: Tensor): Promise<Float32Array> => {
  const values = await read(t);
  t.dispose();
  return values;
};
