import { registerGradient } from '@tensorflow/tfjs-core';
import { arithmetic } from './arithmetic.ts';
import { elementwise } from './elementwise.ts';
import { products } from './products.ts';
import { reductions } from './reductions.ts';
import { resampling } from './resampling.ts';
import { shapes } from './shapes.ts';

/**
 * Registers our gradients for every kernel that has one. Gradients belong to kernels, not to engines: one registration serves all.
 * Must run after an engine's package was imported, for some of those register TensorFlow.js's own.
 */
export const registerGradients = (): void => {
  for (const config of [...elementwise, ...arithmetic, ...reductions, ...shapes, ...products, ...resampling]) registerGradient(config);
};
