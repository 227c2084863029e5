import type { Claim } from './claim.ts';
import { deisSn } from './deis-sn.ts';
import { pds } from './pds.ts';
import { teleport } from './teleport.ts';
import { together } from './together.ts';

/** All of them, in the order of the documents. */
export const CLAIMS: readonly Claim[] = [deisSn, pds, teleport, together];
