export { default as config } from './config.ts';
export { digits, SNAPSHOTS, weights } from './digits.ts';
