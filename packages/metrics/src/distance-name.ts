import type { Extractor } from '@tweedie/core';

/** The one extractor whose Fréchet distance is an FID, and whose kernel distance is a KID: the Inception graph of 2015-12-05. */
const FID_INCEPTION = 'fid-inception-6726825d';

/** `FID` and `KID` on the features of the Inception graph of 2015-12-05, `FD-<extractor>` and `KD-<extractor>` on all others. */
export const distanceName = (distance: 'FD' | 'KD', { id }: Pick<Extractor, 'id'>): string =>
  id === FID_INCEPTION ? `${distance[0]!}ID` : `${distance}-${id}`;
