import { describe, expect, it } from 'vitest';
import { documentOf } from './document.ts';
import type { Row } from './measure.ts';
import type { Entrant } from './rivals.ts';
import { targetOf } from './targets.ts';

const rival = (name: string, group: Entrant['group'], threads: number): Entrant => ({
  name,
  group,
  threads,
  tasks: ['call', 'train', 'sample'],
  command: '',
  args: [],
});
const row = (entrant: Entrant, factor: number, peakBytes: number): Row => ({
  entrant,
  about: 'here',
  reason: null,
  times: {
    call: Array.from({ length: 9 }, (_, i) => factor * (10 + i)),
    train: Array.from({ length: 9 }, (_, i) => factor * (30 + i)),
    sample: Array.from({ length: 9 }, (_, i) => factor * (145 + i)),
  },
  peakBytes,
  idleBytes: 2 ** 20,
  difference: 0,
});
const measured = (rows: readonly Row[]): string =>
  documentOf({
    rows,
    rounds: 9,
    cold: { help: [100, 120, 200], node: [40, 40, 40] },
    profiles: [{ title: 'node profile.js wasm', text: 'median 1 ms' }],
    session: { machine: { cores: 2, processor: 'a processor', memory: 4, os: 'an os', node: '20' }, date: '2026-01-02T03:04:05Z' },
  });
const lineOf = (text: string, heading: string, name: string): string =>
  text
    .split(`## ${heading}`)[1]!
    .split('\n## ')[0]!
    .split('\n')
    .find((line) => line.startsWith(`| ${name} |`)) ?? '';

describe('docs/bench.md', () => {
  const one = rival('PyTorch, 1 thread', 'pytorch', 1);
  const two = rival('PyTorch, 2 threads', 'pytorch', 2);
  const rows = [
    row(one, 1, 2 ** 28),
    row(two, 0.5, 2 ** 28),
    row(rival('Tweedie wasm', 'tweedie', 1), 4.5, 2 ** 27),
    row(rival('Tweedie tfjs-node, 2 threads', 'tweedie', 2), 0.6, 2 ** 29),
    { ...row(rival('Absent', 'other', 1), 1, 0), times: {}, about: null, reason: 'not installed', peakBytes: null, difference: null },
  ];
  const text = measured(rows);

  it('holds each against PyTorch with as many cores, and says where a target is missed', () => {
    expect(lineOf(text, 'A training step', 'Tweedie wasm')).toBe('| Tweedie wasm | 153 ms | 4.50 (4.50 … 4.50) | ≤ 4 | not held |');
    expect(lineOf(text, 'A training step', 'Tweedie tfjs-node, 2 threads')).toContain('| 1.20 (1.20 … 1.20) | ≤ 1.5 | held |');
    expect(lineOf(text, 'A network call', 'Tweedie tfjs-node, 2 threads')).toContain('| ≤ 1.25 | held |');
    expect(lineOf(text, 'A network call', 'PyTorch, 1 thread')).toBe('| PyTorch, 1 thread | 14.0 ms |  |  |  |');
  });

  it('judges memory and cold start, and names who is missing and why', () => {
    expect(lineOf(text, 'Memory', 'Tweedie wasm')).toBe('| Tweedie wasm | 128 MiB | 1 MiB | 0.50 | held |');
    expect(lineOf(text, 'Memory', 'Tweedie tfjs-node, 2 threads')).toContain('| 2.00 | not held |');
    expect(text).toContain('`tweedie --help`: 120 ms');
    expect(text).toContain('- Absent: not installed');
    expect(text).toContain('$ node profile.js wasm\nmedian 1 ms\n');
  });

  it('wants nothing of others', () => {
    expect(targetOf(one, 'train')).toBeUndefined();
    expect(targetOf(rival('TensorFlow.js wasm, as shipped', 'as shipped', 1), 'call')).toBeUndefined();
    expect(targetOf(rival('Tweedie wasm, 2 workers', 'tweedie', 2), 'train')).toBe(2.5);
  });
});
