import { add, keep, mean, mul, reshape, sub, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { checkLevels, edm, STREAM, type Plan, type Sampler, type SamplerFacts, type Step } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { samplerChecks, testSampler, measureOrder, threeModes } from './index.ts';

const facts: SamplerFacts = {
  order: 1,
  stochastic: false,
  reachesZero: true,
  batchCoupled: false,
  likelihood: false,
  guidance: true,
  inpainting: true,
};
const reference = '@article{euler1768, title = {Institutiones calculi integralis}, author = {Euler}, year = {1768}}';

/** Euler's method, and the mistakes that one can make while writing it. */
const euler = (mistake = '', own: Partial<SamplerFacts> = {}): Sampler => {
  let history: Tensor | undefined;
  let counter = 0;
  return {
    kind: 'sampler',
    api: 1,
    name: 'euler-test',
    facts: { ...facts, ...own },
    reference: mistake === 'no citation' ? 'Euler, 1768' : reference,
    plan: (schedule, levels): Plan => {
      if (mistake === 'plain errors') {
        if (levels.length < 2 || levels.some((v, i) => !(v >= 0 && v < Infinity) || (i > 0 && !(v < levels[i - 1]!))))
          throw new Error('bad levels');
      } else if (mistake === 'takes duplicates') {
        const unique = levels.filter((v, i) => i === 0 || v !== levels[i - 1]);
        checkLevels('euler-test', unique, { reachesZero: true });
      } else checkLevels('euler-test', levels, { reachesZero: true });
      if (mistake === 'changes levels') levels[0]! *= 1.0001;
      const steps = Array.from({ length: levels.length - 1 }, (_, i) => ({ ratio: levels[i + 1]! / levels[i]! }));
      if (mistake === 'NaN in plan') steps[0]!.ratio = NaN;
      if (mistake === 'drops a level') {
        const fewer = levels.length > 3 ? levels.filter((_, i) => i !== 1) : levels.slice();
        return {
          sampler: 'euler-test',
          schedule,
          levels: fewer,
          nfe: fewer.length - 1,
          steps: steps.slice(0, fewer.length - 1),
          notes: [],
        };
      }
      return {
        sampler: 'euler-test',
        schedule,
        levels: levels.slice(),
        nfe: steps.length + (mistake === 'wrong nfe' ? 1 : 0),
        steps,
        notes: [],
      };
    },
    async *steps(denoise, start, plan, noise) {
      let y = start;
      let x0: Tensor | undefined;
      let returned = false;
      try {
        for (let i = 0; i < plan.levels.length - 1; i++) {
          const [rho, next] = [plan.levels[i]!, plan.levels[i + 1]!];
          const at = mistake === 'wrong level' && next > 0 ? next : rho;
          x0 = mistake === 'no await' ? (denoise(y, at) as Tensor) : await denoise(y, at);
          const step: Step = { i: mistake === 'counts from 1' ? i + 1 : i, rho, y, x0 };
          if (mistake !== 'yields after') yield step;
          let ratio = next / rho;
          if (mistake === 'factor 2') ratio = Math.max(0, 1 - 2 * (1 - ratio));
          if (mistake === 'square') ratio = ratio ** 1.05;
          if (mistake === 'stateful') ratio = ratio * (1 + 0.01 * counter++);
          const d = x0;
          const moved = tidy(() => {
            let out = add(mul(y, ratio), mul(d, 1 - ratio));
            if (mistake === 'divides by zero') out = add(d, mul(sub(y, d), mul(next / rho, next / next)));
            if (mistake === 'batch norm') out = sub(out, mul(mean(out, 0, true), 0.01));
            if (mistake === 'one noise for all')
              out = add(out, mul(noise.normal([1, ...y.shape.slice(1)], { stream: STREAM.sampler, step: i }), next));
            if (mistake === 'noise' || mistake === 'secret noise')
              out = add(out, mul(noise.normal(y.shape, { stream: STREAM.sampler, step: i }), 0.1 * next));
            // eslint-disable-next-line no-restricted-syntax -- the planted mistake
            if (mistake === 'own randomness') out = add(out, Math.random() * 1e-3);
            if (mistake === 'history outside' && history !== undefined && !history.isDisposed && history.size === out.size)
              out = add(out, mul(reshape(history, out.shape), 1e-3));
            return out;
          });
          if (mistake === 'yields after') yield { ...step, y: moved };
          if (mistake === 'history outside') {
            history?.dispose();
            history = keep(x0.clone());
          }
          if (mistake !== 'leaks x0') x0.dispose();
          x0 = undefined;
          if (y !== start || mistake === 'disposes its argument') y.dispose();
          y = moved;
        }
        returned = true;
        return mistake === 'returns what was lent' ? (y.dispose(), start) : y;
      } catch (error) {
        if (mistake === 'swallows errors') {
          returned = true;
          return y === start ? start.clone() : y;
        }
        throw error;
      } finally {
        if (mistake !== 'leaks on break') x0?.dispose();
        if (mistake !== 'leaks on throw' && !returned && y !== start) y.dispose();
      }
    },
  };
};

testSampler({ title: 'Euler, as it should be', create: () => euler() });
testSampler({ title: 'Euler with noise', create: () => euler('noise', { stochastic: true }), order: { create: () => euler() } });
testSampler({
  title: 'Euler that norms the batch, and says so',
  create: () => euler('batch norm', { batchCoupled: true }),
  deviates: {
    'is exact for constant x̂₀ and constant ε̂': 'it subtracts the mean of the batch',
    'has the order that it declares': 'it subtracts the mean of the batch',
  },
});

/** A mistake, and the sentence of the check that must name it. */
const planted = [
  ['no citation', 'says what it is, and cites its source', {}],
  ['changes levels', 'plans in plain, printable float64', {}],
  ['NaN in plan', 'plans in plain, printable float64', {}],
  ['drops a level', 'plans in plain, printable float64', {}],
  ['plain errors', 'refuses levels that it cannot use', {}],
  ['takes duplicates', 'refuses levels that it cannot use', {}],
  ['', 'refuses levels that it cannot use', { reachesZero: false }],
  ['divides by zero', 'is finite at 1, 2, 3, 5 and 9 steps, and at 0 where it says so', {}],
  ['wrong nfe', 'calls the network as often as it plans', {}],
  ['wrong level', 'yields each step before its update', {}],
  ['counts from 1', 'yields each step before its update', {}],
  ['yields after', 'yields each step before its update', {}],
  ['returns what was lent', 'yields each step before its update', {}],
  ['own randomness', 'is a function of its seed', {}],
  ['secret noise', 'is a function of its seed', {}],
  ['', 'is a function of its seed', { stochastic: true }],
  ['batch norm', 'treats every row as if it were alone', {}],
  ['one noise for all', 'treats every row as if it were alone', { stochastic: true }],
  ['leaks x0', 'leaks no tensor on completion, break and throw', {}],
  ['leaks on break', 'leaks no tensor on completion, break and throw', {}],
  ['leaks on throw', 'leaks no tensor on completion, break and throw', {}],
  ['disposes its argument', 'leaks no tensor on completion, break and throw', {}],
  ['swallows errors', 'leaks no tensor on completion, break and throw', {}],
  ['no await', 'waits for an asynchronous denoiser', {}],
  ['stateful', 'keeps no state between runs', {}],
  ['history outside', 'keeps no state between runs', {}],
  ['factor 2', 'is exact for constant x̂₀ and constant ε̂', {}],
  ['square', 'is exact for constant x̂₀ and constant ε̂', {}],
  ['factor 2', 'has the order that it declares', {}],
  ['wrong level', 'has the order that it declares', { order: 2 }],
  ['', 'has the order that it declares', { order: 2 }],
  ['', 'has the order that it declares', { order: 0.5 }],
] as const;

describe('each planted mistake is caught, by the check that names it', () => {
  it.each(planted)('%s ⟶ not: %s %o', async (mistake, sentence, own) => {
    // One and the same sampler each time, as a package would hand it out.
    const sampler = euler(mistake, own);
    await expect(samplerChecks[sentence]!({ create: () => sampler })).rejects.toThrow(
      mistake === 'no await' ? TypeError : /^\[conformance/,
    );
  });

  it('and every check has one', () =>
    expect(new Set(planted.map(([, sentence]) => sentence))).toEqual(new Set(Object.keys(samplerChecks))));
});

describe('orders', () => {
  it('of Euler on three modes is 1.00 ± .03', async () => {
    const { slope } = await measureOrder(() => euler(), threeModes, edm(), [16, 32, 64]);
    expect(Math.abs(slope - 1)).toBeLessThan(0.03);
  });
});

describe('a deviation', () => {
  it('from a rule that does not exist is refused', () => {
    expect(() => testSampler({ create: () => euler(), deviates: { 'is fast': 'no' } })).toThrow(/does not exist/);
  });
});
