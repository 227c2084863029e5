import { tweedieError, type Dataset } from '@tweedie/core';

/** Images that are judged, and real data that they are held against: by id and shape. */
type Sized = Pick<Dataset, 'id' | 'shape'>;

/**
 * Whether images and real data can be held against each other, and what must be said of it. Grey against colour is allowed only where an
 * extractor repeats the one channel (Inception's), and no metric looks at the pixels.
 *
 * Errors: another size; grey against colour, for any other extractor.
 */
export const checkFit = (
  judged: Sized,
  real: Sized,
  { repeats, pixels }: { readonly repeats: boolean; readonly pixels: boolean },
): readonly string[] => {
  const [a, b] = [judged.shape, real.shape];
  const grey = [judged, real].filter(({ shape }) => shape.length === 3 && shape[2] === 1).map(({ id }) => id);
  if (a.join() === b.join())
    return repeats && grey.length > 0 ? [`${grey.join(' and ')}: grey, and seen as colour with its one channel three times`] : [];
  const mixed = a.length === 3 && b.length === 3 && a[0] === b[0] && a[1] === b[1] && [a[2], b[2]].sort().join() === '1,3';
  if (mixed && repeats && !pixels) return [`${grey[0]}: grey against colour, seen with its one channel three times`];
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
