import { describe, expect, it } from 'vitest';
import { subset } from './subset.ts';
import { toy } from './toys.ts';

describe('subset', () => {
  const whole = toy({ name: 'eight-gaussians', size: 100 });

  it('is the same rows, counted from its own start', () => {
    const part = subset(whole, 20, 50);
    expect(part).toMatchObject({ id: `${whole.id}[20:50]`, size: 30, classes: 8, shape: [2] });
    expect(part.rows([0, 29, 3])).toEqual(whole.rows([20, 49, 23]));
    expect(subset(part, 5, 10).rows([0])).toEqual(whole.rows([25]));
  });

  it('keeps to its part', () => {
    const part = subset(whole, 20, 50);
    for (const row of [-1, 30, 0.5]) expect(() => part.rows([row])).toThrow(/\[20:50\]\] there is no such row/);
    for (const [from, to] of [
      [-1, 5],
      [5, 5],
      [6, 5],
      [0, 101],
      [0.5, 3],
      [NaN, 3],
    ] as const)
      expect(() => subset(whole, from, to)).toThrow(/there is no such part/);
  });
});
