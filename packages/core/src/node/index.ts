export { cacheFolder } from './cache.ts';
export { fileFeatureCache } from './feature-cache.ts';
export { npmEnvironment, npmPack, type Pack } from './npm-pack.ts';
export { readBytes, readJson, writeFileAtomic } from './files.ts';
export { lockFolder } from './lock.ts';
export { canonicalJson, modelHash, sha256 } from './hash.ts';
export {
  encodeWeights,
  readState,
  readWeights,
  STATE,
  valuesFor,
  WEIGHTS,
  writeCheckpoint,
  type Identity,
  type WeightsFile,
} from './checkpoint.ts';
export { FIRST_PARTY } from '../plugin/first-party.ts';
export { loadPlugin, resolveMethod, type Resolved, type ResolveOptions } from './resolve.ts';
