import type { Claim } from './claim.ts';
import { lcss } from './lcss.ts';
import { pds } from './pds.ts';
import { stf } from './stf.ts';

/** All of them, in the order of the documents. */
export const CLAIMS: readonly Claim[] = [lcss, stf, pds];
