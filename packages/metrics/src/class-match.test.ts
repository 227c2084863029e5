import { tensor2d } from '@tensorflow/tfjs-core';
import { testMetric } from '@tweedie/conformance';
import { describe, expect, it } from 'vitest';
import { addRows } from '../test/data.ts';
import { classMatch } from './class-match.ts';
import { rawExtractor } from './raw-extractor.ts';

testMetric({ create: () => classMatch({ threshold: 0.4 }), expected: null });

/** Three numbers a row, taken as logits. */
const identity = { ...rawExtractor([3]), logits: rawExtractor([3]).features };
const sure = Math.log(0.91 / 0.045); // p = .91 against two others
const unsure = Math.log(0.89 / 0.055); // p = .89

const judge = async (rows: readonly number[], labels: readonly number[]) => {
  const accumulator = await classMatch().start({ extractor: identity, seed: 1n });
  await addRows(accumulator, Float32Array.from(rows), [3], { labels: Int32Array.from(labels) });
  return accumulator.result();
};

describe('class-match', () => {
  it('counts what is confident and asked for: p > .9, not ≥ .89, and the right class', async () => {
    const { value, n, details, name } = await judge([sure, 0, 0, 0, sure, 0, 0, 0, unsure, sure, 0, 0], [0, 2, 2, 0]);
    expect(value).toBe(0.5);
    expect(details['confident']).toBe(0.75);
    expect(n).toBe(4);
    expect(name).toBe('match-raw');
  });

  it('lets rows that were asked for nothing count for confident alone', async () => {
    const { value, details } = await judge([sure, 0, 0, sure, 0, 0], [-1, 0]);
    expect(value).toBe(1);
    expect(details['asked']).toBe(1);
    expect(details['confident']).toBe(1);
    await expect(judge([sure, 0, 0], [-1])).rejects.toThrow(/no image was asked/);
  });

  it("gives Wilson's interval: 7 of 10 is [.397, .892]", async () => {
    const { interval } = await judge(Array.from({ length: 10 }, () => [sure, 0, 0]).flat(), [0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    expect(interval![0]).toBeCloseTo(0.3968, 3);
    expect(interval![1]).toBeCloseTo(0.8922, 3);
  });

  it('stays right for huge logits, and refuses NaN, missing labels and a missing classifier', async () => {
    expect((await judge([800, 0, -800], [0])).value).toBe(1);
    const accumulator = await classMatch().start({ extractor: identity, seed: 1n });
    await expect(addRows(accumulator, Float32Array.of(1, 2, 3), [3])).rejects.toThrow(/no labels/);
    const logits = tensor2d([[0, NaN, 0]]);
    await expect(addRows(accumulator, Float32Array.of(1, 2, 3), [3], { labels: Int32Array.of(0), logits, first: 7 })).rejects.toThrow(
      /logit of image 7/,
    );
    logits.dispose();
    await expect(async () => classMatch().start({ extractor: rawExtractor([3]), seed: 1n })).rejects.toThrow(/no classifier/);
  });
});
