import { keep } from '@tensorflow/tfjs-core';
import { tweedieError, type Accumulator, type Metric } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { metricChecks, testMetric } from './index.ts';

const reference = '@book{pearson1894, title = {Contributions to the Mathematical Theory of Evolution}, author = {Pearson}, year = {1894}}';

/** ‖mean of the rows − mean of the reference‖², and the mistakes that one can make while writing it. */
const meanGap = (mistake = ''): Metric => ({
  kind: 'metric',
  api: 1,
  name: 'mean-gap',
  needs: 'images',
  reference: mistake === 'no citation' ? 'Pearson, 1894' : reference,
  start: async ({ reference: real }) => {
    const rows = real!.rows(Array.from({ length: real!.size }, (_, i) => i)).images;
    const d = rows.length / real!.size;
    let n = 0;
    let totals = mistake === 'float32' ? new Float32Array(d) : new Float64Array(d);
    const self: Accumulator = {
      add: async ({ images, first }) => {
        const values = await images.data();
        if (mistake === 'leaks') keep(images.clone());
        if (mistake === 'disposes rows') images.dispose();
        const count = values.length / d;
        for (let i = 0; i < values.length; i++) {
          if (!Number.isFinite(values[i]!)) {
            if (mistake === 'skips NaN') continue;
            throw tweedieError({ subject: 'mean-gap', problem: 'a value is not finite', got: values[i] });
          }
          const weight = mistake === 'batch weight' ? 1 / Math.sqrt(count) : mistake === 'position' ? 1 + i / values.length : 1;
          totals[i % d]! += weight * values[i]!;
        }
        n += mistake === 'counts batches' ? 1 : mistake === 'counts the last' ? first + count - n : count;
      },
      state: () => new Uint8Array(Float64Array.of(n, ...totals).buffer),
      merge: (state) => {
        if (state.length !== 8 * (d + 1) && mistake !== 'merges anything')
          throw tweedieError({ subject: 'mean-gap', problem: 'a state is none', got: state.length });
        const read = new Float64Array(Uint8Array.from({ length: 8 * (d + 1) }, (_, i) => state[i] ?? 0).buffer);
        n = mistake === 'merge replaces' ? read[0]! : n + read[0]!;
        totals = totals.map((v, i) => (mistake === 'merge replaces' ? 0 : v) + read[i + 1]!);
      },
      result: async () => {
        if (n === 0 && mistake !== 'judges nothing') throw tweedieError({ subject: 'mean-gap', problem: 'no row was added' });
        let value = 0;
        for (let k = 0; k < d; k++) {
          let truth = 0;
          for (let i = 0; i < real!.size; i++) truth += rows[i * d + k]! / real!.size;
          value += (totals[k]! / n - truth) ** 2;
        }
        // eslint-disable-next-line no-restricted-syntax -- the planted mistake
        if (mistake === 'random') value += 1e-9 * Math.random();
        if (mistake === 'constant') value = 0;
        if (mistake === 'offset') value += 1;
        return {
          name: mistake === 'FID' ? 'FID-flat' : 'mean-gap',
          value,
          n: mistake === 'wrong n' ? n + 1 : n,
          details: mistake === 'details' ? { size: NaN } : { size: real!.size },
        };
      },
    };
    return self;
  },
});

testMetric({ title: 'mean gap, as it should be', create: () => meanGap() });
testMetric({ title: 'mean gap plus one', create: () => meanGap('offset'), expected: { value: 1, tolerance: 1e-9 } });

/** A mistake, and the sentence of the check that must name it. */
const planted = [
  ['no citation', 'says what it is, and cites its source'],
  ['FID', 'gives a value with its n and a right name'],
  ['wrong n', 'gives a value with its n and a right name'],
  ['details', 'gives a value with its n and a right name'],
  ['random', 'is a function of the rows and the seed'],
  ['float32', 'does not depend on order or split'],
  ['batch weight', 'does not depend on order or split'],
  ['position', 'does not depend on order or split'],
  ['counts batches', 'does not depend on order or split'],
  ['counts the last', 'does not depend on order or split'],
  ['merge replaces', 'does not depend on order or split'],
  ['merges anything', 'can be carried as bytes'],
  ['offset', 'has its declared value on the reference itself'],
  ['constant', 'tells other rows apart'],
  ['leaks', 'leaks no tensor'],
  ['disposes rows', 'leaks no tensor'],
  ['skips NaN', 'refuses NaN and nothing'],
  ['judges nothing', 'refuses NaN and nothing'],
] as const;

describe('each planted mistake is caught, by the check that names it', () => {
  it.each(planted)('%s ⟶ not: %s', async (mistake, sentence) => {
    await expect(metricChecks[sentence]!({ create: () => meanGap(mistake) })).rejects.toThrow(/^\[conformance/);
  });

  it('and every check has one', () => expect(new Set(planted.map(([, sentence]) => sentence))).toEqual(new Set(Object.keys(metricChecks))));
});
