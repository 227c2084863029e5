import { tensor } from '@tensorflow/tfjs-core';
import { composeExperiment, openRun } from '@tweedie/cli';
import { bindModel, bitsPerDim, createNoise, dequantisationOffset, logLikelihood, oneHotRows, STREAM, toTensors } from '@tweedie/core';
import { NETWORK, PRECONDITIONER, SCHEDULE } from '@tweedie/core/container';
import { valuesFor } from '@tweedie/core/node';
import { mnist } from '@tweedie/data';
import type { Lab } from './claim.ts';
import { round } from './digits.ts';
import { configKey, weightsOf, type SmallRun } from './small-run.ts';

export interface Bits {
  readonly mean: number;
  /** Student's 95 % interval over images. */
  readonly interval: readonly [low: number, high: number];
}

/**
 * Bits per dimension of the first `n` test digits under a run, given their classes: probability-flow ODE from ρ .002 to 80 by Dormand–Prince at
 * 10⁻⁴, bytes dequantised uniformly, one ε of Hutchinson's estimator an image. Two runs see equal u and ε.
 */
export const heldOutBits = (lab: Lab, { run, step, n }: { readonly run: SmallRun; readonly step: number; readonly n: number }) =>
  lab.cell({ kind: 'bits-per-dim', config: configKey(run), step, n, rtol: TOLERANCE }, async () => {
    const { path, weights, config } = await openRun(await weightsOf(lab, run, step), lab.root);
    const { get } = await composeExperiment(config, { cwd: lab.root });
    const network = get(NETWORK);
    const data = await mnist({ split: 'test', fetch: true });
    const dims = data.shape.reduce((product, extent) => product * extent, 1);
    const tensors = toTensors(network.parameters, valuesFor(network, weights.tensors, path));
    const model = bindModel({ network, weights: tensors, schedule: get(SCHEDULE), preconditioner: get(PRECONDITIONER) });
    const noise = createNoise(0);
    const bits: number[] = [];
    try {
      for (let first = 0; first < n; first += BATCH) {
        const rows = Math.min(BATCH, n - first);
        const { images, labels } = data.rows(Int32Array.from({ length: rows }, (_, i) => first + i));
        const here = noise.rows(first);
        const u = here.hostUniform([rows, dims], { stream: STREAM.metric });
        // k/127.5 − 1 → 2 (k + u)/256 − 1
        const x0 = tensor(images.map((x, i) => (2 * (Math.round((x + 1) * 127.5) + u[i]!)) / 256 - 1), [rows, ...data.shape]); // prettier-ignore
        const label = oneHotRows(labels!, data.classes);
        try {
          const { logDensity } = await logLikelihood({ model, x0, label, noise: here, rtol: TOLERANCE, atol: TOLERANCE });
          bits.push(...bitsPerDim(logDensity, dims, dequantisationOffset()));
        } finally {
          [x0, label].forEach((each) => each.dispose());
        }
      }
    } finally {
      Object.values(tensors).forEach((each) => each.dispose());
    }
    return bits.map((each) => round(each, 6));
  });

const TOLERANCE = 1e-4;
const BATCH = 32;
