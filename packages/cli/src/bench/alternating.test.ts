import { describe, expect, it } from 'vitest';
import { alternating, orderOf, pairedRatio, verdictOf } from './alternating.ts';
import { medianInterval, medianOf } from './median.ts';

/** A clock that only moves when somebody works. */
const clockwork = () => {
  let time = 0;
  return { now: () => time, contestant: (name: string, cost: () => number) => ({ name, run: async () => void (time += cost()) }) };
};

describe('alternating', () => {
  it('counts no warm-up, pairs rounds, and divides by the base: twice the time is a ratio of 2', async () => {
    const { now, contestant } = clockwork();
    let calls = 0;
    // The machine is cold for two rounds, and slows down for ever after: the ratio is 2 in every round.
    const slow = (): number => (calls++ < 4 ? 1000 : 10 + Math.floor(calls / 2));
    const seen: number[] = [];
    const times = await alternating({
      contestants: [contestant('base', () => slow()), contestant('other', () => 2 * slow())],
      rounds: 7,
      warmup: 2,
      now,
      onRound: (done) => seen.push(done),
    });
    const [base, other] = [times.get('base')!, times.get('other')!];
    expect(base).toHaveLength(7);
    expect(Math.max(...base, ...other)).toBeLessThan(100);
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(pairedRatio([20, 40, 80], [10, 20, 40])).toEqual({ median: 2, interval: null });
    const { median, interval } = pairedRatio(other, base);
    expect(median).toBeGreaterThan(1.8);
    expect(interval![0]).toBeGreaterThan(1.7);
    expect(interval![1]).toBeLessThan(2.3);
  });

  it('times several runs as one', async () => {
    const { now, contestant } = clockwork();
    let runs = 0;
    const times = await alternating({ contestants: [contestant('one', () => (runs++, 3))], rounds: 2, warmup: 1, repeat: 4, now });
    expect([times.get('one'), runs]).toEqual([[3, 3], 12]);
  });

  it('stops between rounds', async () => {
    const { now, contestant } = clockwork();
    const abort = new AbortController();
    const times = await alternating({
      contestants: [contestant('a', () => 1), contestant('b', () => 1)],
      rounds: 50,
      warmup: 1,
      now,
      signal: abort.signal,
      onRound: (done) => done === 4 && abort.abort(),
    });
    expect([times.get('a'), times.get('b')]).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
  });

  it('lets a signal arrive, though its work never waits', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    const contestants = [{ name: 'a', run: async () => undefined }];
    const times = await alternating({ contestants, rounds: 1e7, warmup: 0, signal: abort.signal });
    expect(times.get('a')!.length).toBeLessThan(1e7);
  });

  it.each([1, 2, 5, 6, 7, 8])('has %d in every place, and after each of the others, equally often', (n) => {
    const rounds = n % 2 === 1 ? 2 * n : n;
    const [places, pairs] = [new Map<string, number>(), new Map<string, number>()];
    const count = (map: Map<string, number>, key: string): unknown => map.set(key, (map.get(key) ?? 0) + 1);
    for (let round = 0; round < rounds; round++) {
      const order = orderOf(n, round);
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      order.forEach((who, place) => {
        count(places, `${who} at ${place}`);
        if (place > 0) count(pairs, `${order[place - 1]} before ${who}`);
      });
    }
    expect([...places.values()]).toEqual(new Array(n * n).fill(rounds / n));
    expect([...pairs.values()]).toEqual(new Array(n * (n - 1)).fill(rounds / n));
  });
});

describe('the interval of the median', () => {
  // Ranks of published tables of the sign test, 95 %, two-sided.
  it.each([
    [6, 1],
    [8, 1],
    [9, 2],
    [10, 2],
    [12, 3],
    [15, 4],
    [20, 6],
    [25, 8],
    [28, 9],
    [30, 10],
    [50, 18],
    [100, 40],
  ])('of %d values goes from rank %d as far from the other end', (n, k) => {
    const shuffled = Array.from({ length: n }, (_, i) => ((7 * i) % n) + (n % 7 === 0 ? i / n : 0));
    const sorted = [...shuffled].sort((a, b) => a - b);
    expect(medianInterval(shuffled)).toEqual([sorted[k - 1], sorted[n - k]]);
  });

  it('is none below 6 values, and covers as often as it says', () => {
    for (let n = 0; n < 6; n++) expect(medianInterval(new Array(n).fill(1))).toBeUndefined();
    // Of n = 9, exactly: 1 − 2·(1 + 9)/512.
    let covered = 0;
    for (let signs = 0; signs < 512; signs++) {
      const [low, high] = medianInterval(Array.from({ length: 9 }, (_, i) => ((signs >> i) & 1 ? 1 : -1) * (i + 1)))!;
      covered += Number(low <= 0 && high >= 0);
    }
    expect(covered / 512).toBe(1 - 20 / 512);
  });

  it('stands around the median', () => {
    expect([medianOf([3, 1, 2]), medianOf([4, 1, 2, 3]), medianOf([5])]).toEqual([2, 2.5, 5]);
  });

  it('decides: wholly within the limit, wholly beyond it, or neither', () => {
    const of = (low: number, high: number) => verdictOf({ median: (low + high) / 2, interval: [low, high] }, 1.03);
    expect([of(0.98, 1.03), of(1.031, 1.2), of(1, 1.04), verdictOf({ median: 1, interval: null }, 1.03)]).toEqual([
      'held',
      'not held',
      'not decided',
      'not decided',
    ]);
  });
});
