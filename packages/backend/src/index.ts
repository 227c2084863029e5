export { selectEngine } from './select.ts';
