export { main, type Entry, type FastSamplingOptions, type Outcome } from './fast-sampling.ts';
