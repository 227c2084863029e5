import {
  avgPool,
  conv2d,
  engine,
  image,
  matMul,
  mean,
  memory,
  mul,
  randomNormal,
  reshape,
  scalar,
  sigmoid,
  square,
  sub,
  tidy,
  variable,
  variableGrads,
  type Rank,
  type Scalar,
  type Tensor4D,
  type Variable,
} from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { selectEngine } from '../select.ts';

it('500 training steps grow neither tensors, nor the heap, nor resident memory', { timeout: 60_000 }, async () => {
  await selectEngine({ engine: 'wasm' });
  const x = randomNormal([4, 8, 8, 8]) as Tensor4D;
  const first = variable(randomNormal([3, 3, 8, 8], 0, 0.1)) as Variable<Rank.R4>;
  const second = variable(randomNormal([8, 8], 0, 0.1));
  const step = (): void =>
    tidy(() => {
      const loss = (): Scalar => {
        const h = avgPool(conv2d(x, first, 1, 'same'), 2, 2, 'valid');
        const up = image.resizeNearestNeighbor(mul<Tensor4D>(h, sigmoid(h)), [8, 8]);
        return mean(square(sub(reshape(matMul(reshape(up, [256, 8]), second), x.shape), x))) as Scalar;
      };
      const { grads } = variableGrads(loss, [first, second]);
      first.assign(sub(first, mul(grads[first.name]!, scalar(0.01))) as Tensor4D);
      second.assign(sub(second, mul(grads[second.name]!, scalar(0.01))));
    });
  const heap = (): number => (engine().backend as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;
  for (let i = 0; i < 100; i++) step();
  const before = { tensors: memory().numTensors, data: engine().backend.numDataIds(), heap: heap(), resident: process.memoryUsage().rss };
  for (let i = 0; i < 500; i++) step();
  expect(memory().numTensors).toBe(before.tensors);
  expect(engine().backend.numDataIds()).toBe(before.data);
  expect(heap()).toBe(before.heap);
  expect(process.memoryUsage().rss / before.resident).toBeLessThan(1.2);
  for (const tensor of [x, first, second]) tensor.dispose();
});
