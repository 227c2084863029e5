export { main, type CompareOptions } from './compare.ts';
export type { Cell } from './cell.ts';
