import { tweedieError, type Dataset } from '@tweedie/core';

/** Images that are judged, and real data that they are held against: by id and shape. */
type Sized = Pick<Dataset, 'id' | 'shape'>;

/**
 * Which of the two is grey and must be repeated in three channels: neither, where the shapes are equal. Only an extractor that is
 * known to be given grey so (Inception's) allows it.
 *
 * Errors: another size; grey against colour, for any other extractor.
 */
export const greyOf = (judged: Sized, real: Sized, repeats: boolean): 'judged' | 'real' | undefined => {
  const [a, b] = [judged.shape, real.shape];
  if (a.join() === b.join()) return undefined;
  const mixed = a.length === 3 && b.length === 3 && a[0] === b[0] && a[1] === b[1] && [a[2], b[2]].sort().join() === '1,3';
  if (mixed && repeats) return a[2] === 1 ? 'judged' : 'real';
  const said = { subject: judged.id, got: `[${a.join(', ')}]`, expected: `[${b.join(', ')}], as ${real.id}` };
  if (mixed)
    throw tweedieError({
      ...said,
      problem: a[2] === 1 ? 'the images are grey and the real data are in colour' : 'the images are in colour and the real data are grey',
      remedy: 'hold them against data of the same kind',
    });
  throw tweedieError({
    ...said,
    problem: 'the images have another shape than the real data',
    remedy:
      a.length === 3 && b.length === 3
        ? 'hold them against data of the same size, or write them in that size'
        : 'choose the data that the model was trained on',
  });
};
