import { describe, expect, it } from 'vitest';
import { EIGHT_GAUSSIANS, RINGS, SWISS_ROLL, toy, TOY_NAMES, type ToyName } from './toys.ts';

const n = 40_000;
const all = Array.from({ length: n }, (_, i) => i);

/** Exact mean, and E[x²], E[y²], E[xy], of each distribution. */
const MOMENTS: Readonly<Record<ToyName, { mean: readonly [number, number]; second: readonly [number, number, number] }>> = {
  checkerboard: { mean: [0, 0], second: [1 / 3, 1 / 3, checkerCross()] },
  'swiss-roll': rollMoments(),
  rings: { mean: [0, 0], second: ringMoments() },
  'eight-gaussians': { mean: [0, 0], second: [0.32 + EIGHT_GAUSSIANS.deviation ** 2, 0.32 + EIGHT_GAUSSIANS.deviation ** 2, 0] },
};

/** Σ over the eight filled cells of x̄ ȳ / 8. */
function checkerCross(): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) if ((i + j) % 2 === 0) sum += ((i + 0.5) / 2 - 1) * ((j + 0.5) / 2 - 1);
  return sum / 8;
}

function ringMoments(): readonly [number, number, number] {
  const square = RINGS.radii.reduce((sum, radius) => sum + radius ** 2, 0) / RINGS.radii.length + RINGS.deviation ** 2;
  return [square / 2, square / 2, 0];
}

/** Midpoint rule over t. */
function rollMoments(): { mean: readonly [number, number]; second: readonly [number, number, number] } {
  const { from, to, deviation } = SWISS_ROLL;
  const points = 20_000;
  const m = [0, 0, 0, 0, 0];
  for (let i = 0; i < points; i++) {
    const t = from + ((to - from) * (i + 0.5)) / points;
    const [x, y] = [(t / to) * Math.cos(t), (t / to) * Math.sin(t)];
    [x, y, x * x, y * y, x * y].forEach((value, k) => (m[k]! += value / points));
  }
  return { mean: [m[0]!, m[1]!], second: [m[2]! + deviation ** 2, m[3]! + deviation ** 2, m[4]!] };
}

describe.each(TOY_NAMES)('%s', (name) => {
  const data = toy({ name, size: n, seed: 3 });
  const { images, labels } = data.rows(all);

  it('has row i whatever the rows around it, the size and the order', () => {
    const bigger = toy({ name, seed: 3 });
    expect(bigger.size).toBe(2 ** 20);
    const picked = bigger.rows([17, 5, 6, 7, 17, 39_999]);
    [17, 5, 6, 7, 17, 39_999].forEach((row, i) =>
      expect([...picked.images.subarray(2 * i, 2 * i + 2)]).toEqual([...images.subarray(2 * row, 2 * row + 2)]),
    );
    if (labels) expect([...picked.labels!]).toEqual([17, 5, 6, 7, 17, 39_999].map((row) => labels[row]));
    expect(toy({ name, seed: 3n }).id).toBe(bigger.id);
    expect(toy({ name, size: 2 ** 32 }).rows([2 ** 32 - 1]).images).toHaveLength(2);
    expect([...toy({ name, seed: 4 }).rows([0]).images]).not.toEqual([...images.subarray(0, 2)]);
  });

  it('has the moments of its formula, to five standard errors', () => {
    const { mean, second } = MOMENTS[name];
    const got = [0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const [x, y] = [images[2 * i]!, images[2 * i + 1]!];
      [x, y, x * x, y * y, x * y].forEach((value, k) => (got[k]! += value / n));
    }
    // no second or fourth moment exceeds 1.1 here: one standard error is at most √(1.1/n)
    [...mean, ...second].forEach((exact, k) => expect(Math.abs(got[k]! - exact)).toBeLessThan(5 * Math.sqrt(1.1 / n)));
  });

  it('lies in about [−1, 1]², with labels where there are classes', () => {
    expect(images.every((value) => Math.abs(value) < 1.15)).toBe(true);
    expect(data.classes > 0).toBe(labels !== undefined);
    if (!labels) return;
    const counts = new Array<number>(data.classes).fill(0);
    labels.forEach((label) => counts[label]!++);
    for (const count of counts) expect(Math.abs(count - n / data.classes)).toBeLessThan(5 * Math.sqrt(n / data.classes));
  });

  it('refuses rows that there are not', () => {
    for (const row of [-1, n, 0.5, NaN]) expect(() => data.rows([0, row])).toThrow(/there is no such row/);
  });
});

describe('shapes', () => {
  it('fills exactly the dark cells of the board, equally', () => {
    const { images } = toy({ name: 'checkerboard', size: n }).rows(all);
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < n; i++) counts[4 * Math.floor(2 * (images[2 * i]! + 1)) + Math.floor(2 * (images[2 * i + 1]! + 1))]!++;
    counts.forEach((count, cell) => {
      if ((Math.floor(cell / 4) + (cell % 4)) % 2 === 1) expect(count).toBe(0);
      else expect(Math.abs(count - n / 8)).toBeLessThan(5 * Math.sqrt(n / 8));
    });
  });

  it('puts each point near its own ring, its own Gaussian, or the roll', () => {
    const rings = toy({ name: 'rings', size: 2000 }).rows(all.slice(0, 2000));
    const gaussians = toy({ name: 'eight-gaussians', size: 2000 }).rows(all.slice(0, 2000));
    let squares = 0;
    for (let i = 0; i < 2000; i++) {
      expect(Math.abs(Math.hypot(rings.images[2 * i]!, rings.images[2 * i + 1]!) - RINGS.radii[rings.labels![i]!]!)).toBeLessThan(
        5 * RINGS.deviation,
      );
      const [x, y] = EIGHT_GAUSSIANS.means[gaussians.labels![i]!]!;
      squares += (gaussians.images[2 * i]! - x) ** 2 + (gaussians.images[2 * i + 1]! - y) ** 2;
    }
    // 4000 squares of N(0, s²): relative standard error √(2/4000)
    expect(Math.abs(squares / 4000 / EIGHT_GAUSSIANS.deviation ** 2 - 1)).toBeLessThan(5 * Math.sqrt(2 / 4000));
  });

  it('draws noise that does not follow from the place on the roll', () => {
    const { images } = toy({ name: 'swiss-roll', size: n }).rows(all);
    const { from, to } = SWISS_ROLL;
    // the residual along the radius against t: correlated if uniform and normal shared their random numbers
    let [sum, sumT, sumTR, sumTT, sumRR] = [0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const radius = Math.hypot(images[2 * i]!, images[2 * i + 1]!) * to;
      const angle = Math.atan2(images[2 * i + 1]!, images[2 * i]!);
      const t = angle + 2 * Math.PI * Math.round((radius - angle) / (2 * Math.PI));
      const r = radius - t;
      sum += r;
      sumT += t;
      sumTR += t * r;
      sumTT += t * t;
      sumRR += r * r;
    }
    const correlation = (sumTR / n - (sum / n) * (sumT / n)) / Math.sqrt((sumTT / n - (sumT / n) ** 2) * (sumRR / n - (sum / n) ** 2));
    expect(Math.abs(correlation)).toBeLessThan(0.03);
    expect(sumT / n).toBeCloseTo((from + to) / 2, 0);
  });

  it('refuses unknown names and sizes', () => {
    expect(() => toy({ name: 'moons' as ToyName })).toThrow(
      '[@tweedie/data] there is no such toy: got moons, expected checkerboard, swiss-roll, rings, eight-gaussians',
    );
    for (const size of [0, 1.5, 2 ** 33]) expect(() => toy({ name: 'rings', size })).toThrow(/the size is out of range/);
  });
});
