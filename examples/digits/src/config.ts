import { defineConfig } from '@tweedie/cli';

/**
 * The digits model that ships with this example: EDM's preconditioning, an exponential moving average of the weights, about a
 * million images. Labels are dropped from every fifth image, so that one network is a class-conditional model and an
 * unconditional one.
 */
export default defineConfig({
  data: { use: 'mnist', split: 'train' },
  network: { use: 'digits', channels: [32, 64], blocks: [1, 3], attention: true },
  schedule: { use: 'edm' },
  preconditioner: { use: 'edm', sigmaData: 0.6 },
  objective: { use: 'dsm', law: 'edm', pMean: -0.4, pStd: 1.3 },
  optimizer: { rate: 3e-3, beta1: 0.9, beta2: 0.99, warmup: 100, decay: 0.6 },
  training: { batchSize: 64, steps: 16384, labelDropout: 0.2, emaDecay: 0.999, snapshots: 15 },
  sampler: { use: 'dpmpp-2m' },
  levels: { grid: 'karras', steps: 18 },
  seed: 0,
});
