import { defineConfig } from '@tweedie/cli';

/** What `npm start` trains: the digits network, class-conditional, for about two minutes. */
export const config = defineConfig({
  data: { use: 'mnist', split: 'train' },
  network: { use: 'digits' },
  schedule: { use: 'edm' },
  preconditioner: { use: 'edm', sigmaData: 0.6 },
  objective: { use: 'dsm', law: 'edm', pMean: 0.8, pStd: 1.1 },
  optimizer: { rate: 5e-3, beta1: 0.9, beta2: 0.99, warmup: 30, decay: 0.5 },
  training: { batchSize: 16, seconds: 120, labelDropout: 0.1, emaDecay: 0.999 },
  sampler: { use: 'dpmpp-2m' },
  levels: { grid: 'karras', steps: 10 },
  seed: 0,
});

/** Classifier-free guidance of the samples: what a short training has learnt of the classes, made plain. */
export const GUIDANCE = 2;
