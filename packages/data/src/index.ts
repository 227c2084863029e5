export {
  plugin as default,
  cifar10Options,
  fashionMnistOptions,
  folderOptions,
  npzOptions,
  publishedOptions,
  toyOptions,
} from './plugin.ts';
export { cifar10, fashionMnist, mnist, type Cifar10Options, type PublishedOptions, type Split } from './published.ts';
export { FETCHABLE, fetchDataset, type FetchableName, type Fetched, type FetchOptions, type FetchProgress } from './fetch.ts';
export { cacheFolder } from '@tweedie/core/node';
export { idxData, parseIdx, readIdx, type Idx } from './idx.ts';
export { parseCifar, type CifarImages, type CifarVariant } from './cifar.ts';
export { imageFolder, type FolderDataset, type FolderOptions } from './folder.ts';
export { npzData, type NpzOptions } from './npz-data.ts';
export { EIGHT_GAUSSIANS, RINGS, SWISS_ROLL, toy, TOY_NAMES, type ToyName, type ToyOptions } from './toys.ts';
export { subset } from './subset.ts';
