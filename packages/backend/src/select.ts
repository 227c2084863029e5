import { setBackend, ready } from '@tensorflow/tfjs-core';
import { registerGradients } from './gradients/register.ts';
import { completeWasm } from './wasm/complete.ts';

let completed = false;
export const selectEngine = async ({ engine = 'wasm' }: { engine?: string } = {}): Promise<void> => {
  if (engine === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
  else await import('@tensorflow/tfjs-backend-cpu');
  await setBackend(engine);
  await ready();
  if (engine === 'wasm' && !completed) {
    completeWasm();
    completed = true;
  }
  registerGradients();
};
