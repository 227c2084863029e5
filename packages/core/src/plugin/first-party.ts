/**
 * Which package provides a method of ours: a configuration says `use: 'heun'`, not a package name.
 * Generated from what the packages provide by `npm run generate:first-party`; a test holds it against them.
 */
export const FIRST_PARTY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  objective: {
    dsm: '@tweedie/objective-classic',
    ism: '@tweedie/objective-classic',
    ssm: '@tweedie/objective-classic',
    'ssm-vr': '@tweedie/objective-classic',
    'fd-ssm': '@tweedie/objective-classic',
    lcss: '@tweedie/objective-lcss',
    stf: '@tweedie/objective-stf',
  },
  sampler: {
    euler: '@tweedie/sampler-classic',
    ddim: '@tweedie/sampler-classic',
    heun: '@tweedie/sampler-classic',
    'dpmpp-2m': '@tweedie/sampler-classic',
  },
  metric: {
    frechet: '@tweedie/metrics',
    'sliced-wasserstein': '@tweedie/metrics',
    mmd: '@tweedie/metrics',
    'class-match': '@tweedie/metrics',
  },
  network: {
    ddpmpp: '@tweedie/networks',
    ncsnpp: '@tweedie/networks',
    digits: '@tweedie/networks',
    mlp: '@tweedie/networks',
  },
  schedule: {},
  preconditioner: {},
  data: {
    mnist: '@tweedie/data',
    cifar10: '@tweedie/data',
    'fashion-mnist': '@tweedie/data',
    folder: '@tweedie/data',
    npz: '@tweedie/data',
    checkerboard: '@tweedie/data',
    'swiss-roll': '@tweedie/data',
    rings: '@tweedie/data',
    'eight-gaussians': '@tweedie/data',
  },
};
