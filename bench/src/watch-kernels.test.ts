import { conv2d, matMul, ones, relu, tidy, type Rank } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { watchKernels } from './watch-kernels.ts';

it('counts calls and the operations of the definition, and stops when it is told to', () => {
  const watch = watchKernels();
  tidy(() => {
    matMul(ones([3, 5]), ones([5, 7])); // 2·3·5·7
    matMul(ones([5, 3]), ones([5, 7]), true, false); // the same
    conv2d(ones<Rank.R4>([2, 6, 6, 4]), ones<Rank.R4>([3, 3, 4, 8]), 1, 'same'); // 2·(2·6·6·8)·(3·3·4)
    relu(ones([9]));
  });
  const { rows, operations } = watch.stop();
  expect(operations).toBe(2 * 210 + 41472);
  expect(rows.find(({ kernel }) => kernel === 'BatchMatMul')?.calls).toBe(2);
  expect(rows.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
  tidy(() => relu(ones([9])));
  expect(watch.stop().rows.find(({ kernel }) => kernel === 'Relu')?.calls, 'nothing is counted after the end').toBe(1);
});
