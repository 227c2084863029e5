import type { Claim } from './claim.ts';
import { deisSn } from './deis-sn.ts';
import { lcss } from './lcss.ts';
import { pds } from './pds.ts';
import { stf } from './stf.ts';
import { teleport } from './teleport.ts';
import { together } from './together.ts';

/** All of them, in the order of the documents. */
export const CLAIMS: readonly Claim[] = [lcss, stf, deisSn, pds, teleport, together];
