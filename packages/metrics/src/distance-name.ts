import type { Extractor } from '@tweedie/core';

/** The one extractor whose Fréchet distance is an FID, and whose kernel distance is a KID: the Inception graph of 2015-12-05. */
const FID_INCEPTION = 'fid-inception-6726825d';

/** `FID`, `FID∞` and `KID` on the features of the Inception graph of 2015-12-05, `FD-<extractor>` and so on with all others. */
export const distanceName = (distance: 'FD' | 'FD∞' | 'KD', { id }: Pick<Extractor, 'id'>): string =>
  id === FID_INCEPTION ? distance.replace('D', 'ID') : `${distance}-${id}`;
