export { main, type SwissRollOptions } from './swiss-roll.ts';
export type { Drawn, Field } from './show.ts';
