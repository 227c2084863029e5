import { expect, it } from 'vitest';
import { madeUp } from './cell.fixture.ts';
import { findingsOf } from './together.ts';

const counts = [5, 8];
const all = (fd: (name: string, count: number) => number, spread = 0.01) =>
  findingsOf(madeUp(counts, fd, (name) => (name.startsWith('teleport') ? spread : 0.01)));

it('comes to every verdict of each comparison', () => {
  const better = all((name) => (name.startsWith('teleport') ? 1 : 2) - (name.includes('corrected') ? 0.5 : 0));
  expect(better.map(({ verdict }) => verdict)).toEqual(['held', 'held', 'held', 'held', 'held']);
  const worse = all((name) => (name.startsWith('teleport') ? 3 : 2) + (name.includes('corrected') ? 0.5 : 0));
  expect(worse.map(({ verdict }) => verdict)).toEqual(Array.from({ length: 5 }, () => 'not held'));
  const open = all((name) => (name.startsWith('teleport') ? 1.99 : 2), 1);
  expect(open[0]?.verdict).toBe('not decided');
});

it('fails by one number of calls, and names it', () => {
  const [unipc] = all((name, count) => (name.startsWith('teleport') && count === 8 ? 3 : name.startsWith('teleport') ? 1 : 2));
  expect(unipc).toMatchObject({ verdict: 'not held', because: expect.stringContaining('UniPC at 8;') as string });
});
