import type { Claim } from './claim.ts';

/** All of them, in the order of the documents. */
export const CLAIMS: readonly Claim[] = [];
