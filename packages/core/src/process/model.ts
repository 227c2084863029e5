import { add, tidy, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { tweedieError } from '../contracts/error.ts';
import type { Levels, Model } from '../contracts/model.ts';
import type { Network, Weights } from '../contracts/network.ts';
import type { Schedule } from '../contracts/schedule.ts';
import type { Noise } from '../contracts/noise.ts';
import type { Coefficients, Preconditioner } from '../contracts/preconditioner.ts';
import { levelsOf, scaleRows } from './scale-rows.ts';

export interface Binding {
  readonly network: Network;
  /** Lent for as long as the model is used. */
  readonly weights: Weights;
  readonly schedule: Schedule;
  readonly preconditioner: Preconditioner;
  /** Dropout's noise while training; absent at inference. */
  readonly train?: { readonly noise: Noise; readonly step: number };
}

/** A network with weights, read through a preconditioner under a schedule: a differentiable denoiser. */
export const bindModel = ({ network, weights, schedule, preconditioner, train }: Binding): Model => {
  /** F(in·y; noise) and the coefficients that it was called with. */
  const run = (y: Tensor, rho: Levels, label?: Tensor2D): { f: Tensor; c: (key: keyof Coefficients) => Levels } => {
    const rows = y.shape[0]!;
    const levels = levelsOf(rho, rows);
    checkInput(network, y, levels, label);
    const each = Array.from(levels, (level) => preconditioner.at(level, schedule));
    const c = (key: keyof Coefficients): Levels => (typeof rho === 'number' ? each[0]![key] : Float64Array.from(each, (at) => at[key]));
    const noise = Float64Array.from(each, (at) => at.noise);
    return { f: network.apply(weights, scaleRows(y, c('in')), noise, label, train), c };
  };
  const denoise = (y: Tensor, rho: Levels, label?: Tensor2D): Tensor =>
    tidy(() => {
      const { f, c } = run(y, rho, label);
      const skip = c('skip');
      const x0 = scaleRows(f, c('out'));
      return skip === 0 ? x0 : add(scaleRows(y, skip), x0);
    });
  // With EDM preconditioning the prediction is D; elsewhere it is F.
  const raw =
    preconditioner.sigmaData === undefined
      ? (y: Tensor, rho: Levels, label?: Tensor2D): Tensor => tidy(() => run(y, rho, label).f)
      : denoise;

  return Object.freeze<Model>({
    schedule,
    head: preconditioner.head,
    shape: network.shape,
    classes: network.classes,
    ...(preconditioner.sigmaData === undefined ? {} : { sigmaData: preconditioner.sigmaData }),
    raw,
    denoise,
    doubleDifferentiable: network.doubleDifferentiable,
  });
};

const checkInput = (network: Network, y: Tensor, levels: Float64Array, label?: Tensor2D): void => {
  const subject = `network ${network.name}`;
  const shape = y.shape.slice(1);
  if (shape.join() !== network.shape.join()) {
    throw tweedieError({
      subject,
      problem: 'the data have another shape than the network',
      got: shape,
      expected: `[${network.shape.join(', ')}]`,
      remedy: 'make the network with the shape of the data',
    });
  }
  if (levels.length !== y.shape[0]) {
    throw tweedieError({ subject, problem: 'not one noise level a row', got: levels.length, expected: `${y.shape[0]} levels` });
  }
  const bad = levels.findIndex((rho) => !(rho > 0 && Number.isFinite(rho)));
  if (bad >= 0) {
    throw tweedieError({
      subject,
      problem: `row ${bad} asks for a noise level that no network is trained at`,
      got: levels[bad],
      expected: 'a finite ρ > 0',
      remedy: 'end the levels above 0; a last level of 0 is reached by a denoising step, not evaluated',
    });
  }
  if (label !== undefined && label.shape[1] !== network.classes) {
    throw tweedieError({ subject, problem: 'labels of another number of classes', got: label.shape[1], expected: String(network.classes) });
  }
};
