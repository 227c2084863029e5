import type { Extractor } from '@tweedie/core';
import { classifier, type ClassifierSpec } from './classifier.ts';

/**
 * mnistnet: the digit classifier whose features our Fréchet distance of digits is measured on. 61 k parameters.
 *
 * Four 3×3 convolutions (16, 32 and 64 and 64 channels, the last three with stride 2) → 64 features → 10 logits; the zero padding of
 * the convolutions is background. Its weights are our own (recipes/mnistnet.ts), so nothing measured on it can be compared with a
 * published FID.
 */
export const MNISTNET: ClassifierSpec = Object.freeze<ClassifierSpec>({
  name: 'mnistnet',
  judges: 'MNIST digits',
  shape: Object.freeze([28, 28, 1] as const),
  features: 64,
  classes: 10,
  convolutions: Object.freeze([
    Object.freeze({ name: 'conv0', from: 1, to: 16, stride: 1 }),
    Object.freeze({ name: 'conv1', from: 16, to: 32, stride: 2 }),
    Object.freeze({ name: 'conv2', from: 32, to: 64, stride: 2 }),
    Object.freeze({ name: 'conv3', from: 64, to: 64, stride: 2 }),
  ]),
});

/** The extractor of a weights file of mnistnet, for images [B, 28, 28, 1] in [−1, 1]; see {@link classifier}. */
export const mnistnet = (file: Uint8Array): Promise<Extractor> => classifier(MNISTNET, file);
