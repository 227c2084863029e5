export { installNative, type Installed, type InstallOptions } from './install.ts';
export { loadBuild, loadPackage } from './load.ts';
export type { NativeKind } from './pins.ts';
export { readManifest } from './place.ts';
export { nativeStatus, removeNative, type BuildStatus, type NativeStatus } from './status.ts';
