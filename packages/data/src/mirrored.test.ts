import { describe, expect, it } from 'vitest';
import { byteDataset } from './byte-dataset.ts';
import { mirrored } from './mirrored.ts';
import { someBytes } from './writers.fixture.ts';

/** Every pixel and channel different: 3 images of 2 lines of 4 pixels of 3 channels. */
const shape = [2, 4, 3] as const;
const images = byteDataset({
  id: 'small',
  subject: 'small',
  classes: 3,
  shape,
  images: Uint8Array.from({ length: 72 }, (_, i) => i),
  labels: Uint8Array.of(2, 0, 1),
});

describe('mirrored', () => {
  const both = mirrored(images);

  it('is twice as large, says so in its id, and keeps what else there is to know', () => {
    expect(both).toMatchObject({ id: 'small+mirrored', size: 6, shape: [2, 4, 3], classes: 3, range: [-1, 1] });
  });

  it('exchanges left and right, not up and down and not the colours, and keeps the label', () => {
    const { images: x, labels } = both.rows([1, 4]);
    expect([...labels!]).toEqual([0, 0]);
    for (let line = 0; line < 2; line++)
      for (let pixel = 0; pixel < 4; pixel++)
        for (let channel = 0; channel < 3; channel++)
          expect(x[24 + (line * 4 + pixel) * 3 + channel]).toBe(x[(line * 4 + (3 - pixel)) * 3 + channel]);
  });

  it('does not depend on the batch that a row is in, and an odd width keeps its middle', () => {
    const odd = mirrored(byteDataset({ id: 'odd', subject: 'odd', classes: 0, shape: [1, 5, 1], images: someBytes(20) }));
    const alone = [5, 0, 7].map((row) => [...odd.rows([row]).images]);
    expect([...odd.rows([5, 0, 7]).images]).toEqual(alone.flat());
    const [original, mirror] = [odd.rows([1]).images, odd.rows([5]).images];
    expect([...mirror]).toEqual([...original].reverse());
    expect(odd.rows([5]).labels).toBeUndefined();
  });

  it('refuses what is no row of it', () => {
    for (const row of [6, -1, 0.5]) expect(() => both.rows([row])).toThrow(/small\+mirrored.*no such row: got .*from 0 to 5/);
  });
});
