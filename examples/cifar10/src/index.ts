export { cifar10, weights } from './cifar10.ts';
export { recipe, SIZES, type Size } from './config.ts';
