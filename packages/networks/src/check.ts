import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { tweedieError } from '@tweedie/core';

/** Refuses inputs that are not [B, …shape], B noise levels, and [B, classes] labels. */
export const checkInputs = (
  { name, shape, classes }: { readonly name: string; readonly shape: readonly number[]; readonly classes: number },
  x: Tensor,
  cNoise: Float64Array,
  label?: Tensor2D,
): void => {
  const subject = `network ${name}`;
  if (x.rank !== shape.length + 1 || x.shape.slice(1).join() !== shape.join()) {
    throw tweedieError({
      subject,
      problem: 'the input has another shape',
      got: x.shape,
      expected: `[B, ${shape.join(', ')}]`,
      remedy: 'make the network with the shape of the data',
    });
  }
  const rows = x.shape[0];
  if (cNoise.length !== rows)
    throw tweedieError({ subject, problem: 'not one noise level a row', got: cNoise.length, expected: `${rows} of them` });
  if (label !== undefined && (label.rank !== 2 || label.shape[0] !== rows || label.shape[1] !== classes)) {
    throw tweedieError({
      subject,
      problem: classes === 0 ? 'this network knows no classes' : 'the labels have another shape',
      got: label.shape,
      expected: classes === 0 ? 'no labels' : `[${rows}, ${classes}]`,
      remedy: classes === 0 ? 'make the network with `classes`' : 'give one-hot rows, a zero row for unconditional',
    });
  }
};

/** An option must hold; else an error that names it. */
export const requireOption = (subject: string, holds: boolean, problem: string, got: unknown, expected: string): void => {
  if (!holds) throw tweedieError({ subject, problem, got, expected, remedy: 'change the network’s options' });
};
