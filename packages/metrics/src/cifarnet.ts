import type { Extractor } from '@tweedie/core';
import { classifier, type ClassifierSpec } from './classifier.ts';

/**
 * cifarnet: the classifier of CIFAR-10 whose features our Fréchet distance of its images is measured on. 539 k parameters.
 *
 * Five 3×3 convolutions (32, 64, 128, 128 and 256 channels, the second, third and fifth with stride 2) → 256 features → 10 logits, of
 * images whose channels have mean 0 and deviation 1 over the training split; the zero padding of the convolutions is their mean
 * colour. Its weights are our own (recipes/cifarnet.ts), so nothing measured on it can be compared with a published FID.
 */
export const CIFARNET: ClassifierSpec = Object.freeze<ClassifierSpec>({
  name: 'cifarnet',
  judges: 'CIFAR images',
  shape: Object.freeze([32, 32, 3] as const),
  features: 256,
  classes: 10,
  convolutions: Object.freeze([
    Object.freeze({ name: 'conv0', from: 3, to: 32, stride: 1 }),
    Object.freeze({ name: 'conv1', from: 32, to: 64, stride: 2 }),
    Object.freeze({ name: 'conv2', from: 64, to: 128, stride: 2 }),
    Object.freeze({ name: 'conv3', from: 128, to: 128, stride: 1 }),
    Object.freeze({ name: 'conv4', from: 128, to: 256, stride: 2 }),
  ]),
  normalisation: Object.freeze({
    mean: Object.freeze([0.4914, 0.4822, 0.4465]),
    deviation: Object.freeze([0.247, 0.2435, 0.2616]),
  }),
});

/** The extractor of a weights file of cifarnet, for images [B, 32, 32, 3] in [−1, 1]; see {@link classifier}. */
export const cifarnet = (file: Uint8Array): Promise<Extractor> => classifier(CIFARNET, file);
