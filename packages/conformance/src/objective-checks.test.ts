import { add, scalar, mean, mul, keep, square, sub, sum, tensor, tidy, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { scaleRows, STREAM, tweedieError, type Objective } from '@tweedie/core';
import { describe, expect, it } from 'vitest';
import { objectiveChecks, testObjective } from './index.ts';

const reference =
  '@article{vincent2011, title = {A Connection Between Score Matching and Denoising Autoencoders}, author = {Vincent}, year = {2011}}';

/** Denoising score matching on x̂₀ with weight 1/ρ², log-uniform ρ, and the mistakes that one can make while writing it. */
const dsm = (mistake = '', needs: Partial<Objective['needs']> = {}): Objective => {
  let calls = 0;
  return {
    kind: 'objective',
    api: 1,
    name: 'dsm-test',
    needs: { derivatives: 1, kernel: true, ...needs },
    reference: mistake === 'no citation' ? '' : reference,
    loss: (model, batch, noise) => {
      const rows = batch.x0.shape[0];
      if (needs.reference !== undefined && batch.reference === undefined && mistake !== 'takes no reference')
        throw tweedieError({ subject: 'dsm-test', problem: 'there is no reference batch', remedy: 'give one' });
      if (needs.derivatives === 2 && !model.doubleDifferentiable && mistake !== 'takes any model')
        throw tweedieError({ subject: 'dsm-test', problem: 'the model has no second derivatives' });
      const step = mistake === 'ignores the step' ? 0 : batch.step;
      const u = noise.hostUniform([mistake === 'one level' ? 1 : rows], { stream: STREAM.time, step });
      const rho = Float64Array.from({ length: rows }, (_, i) => (mistake === 'level zero' ? 0 : Math.exp(-3 + 4 * u[i % u.length]!)));
      const z = noise.normal(batch.x0.shape, { stream: STREAM.perturb, step });
      if (mistake === 'leaks') keep(z.clone());
      if (mistake === 'own randomness') calls++;
      const loss = (): Scalar => {
        const y = add(
          batch.x0,
          scaleRows(
            z,
            mistake === 'wrong level'
              ? rho.map((r) => 1.5 * r)
              : mistake === 'level of another row'
                ? Float64Array.from(rho).reverse()
                : rho,
          ),
        );
        const d = model.denoise(y, rho);
        let target: Tensor = batch.x0;
        if (mistake === 'factor 2') target = add(batch.x0, sub(batch.x0, y));
        if (mistake === 'sign') target = sub(mul(y, 2), batch.x0);
        const inverse = rho.map((r) => 1 / r);
        let rest = scaleRows(sub(mistake === 'no gradient' ? tensor(new Float32Array(y.size), y.shape) : d, target), inverse);
        if (mistake === 'batch centred') rest = sub(rest, mean(rest, 0, true));
        const squares = square(rest);
        if (mistake === 'sum over rows') return sum<Scalar>(squares);
        if (mistake === 'drifts') return add<Scalar>(mean(squares), calls++);
        const total = mean<Scalar>(squares);
        if (mistake === 'hides NaN') return scalar(0);
        if (mistake === 'negative') return mul(total, -1);
        return mistake === 'not a scalar' ? (squares as unknown as Scalar) : total;
      };
      if (mistake === 'no tidy') return loss();
      const value = mistake === 'disposes the batch' ? tidy(loss) : tidy(loss);
      z.dispose();
      if (mistake === 'disposes the batch') batch.x0.dispose();
      return value;
    },
  };
};
/** z is freed when the model throws, too. */
const careful = (mistake = '', needs: Partial<Objective['needs']> = {}): Objective => {
  const inner = dsm(mistake, needs);
  return {
    ...inner,
    loss: (model, batch, noise) =>
      ['leaks', 'no tidy', 'disposes the batch'].includes(mistake)
        ? inner.loss(model, batch, noise)
        : tidy(() => inner.loss(model, batch, noise)),
  };
};

testObjective({ title: 'denoising score matching, as it should be', create: () => careful() });
testObjective({ title: 'with a reference and second derivatives', create: () => careful('', { reference: 300, derivatives: 2 }) });

/** A mistake, and the sentence of the check that must name it. */
const planted = [
  ['no citation', 'says what it is, and cites its source', {}],
  ['', 'says what it is, and cites its source', { derivatives: 3 as 2 }],
  ['ignores the step', 'is a function of its seed and step', {}],
  ['drifts', 'is a function of its seed and step', {}],
  ['not a scalar', 'is a function of its seed and step', {}],
  ['one level', 'is a mean over rows that do not know each other', {}],
  ['batch centred', 'is a mean over rows that do not know each other', {}],
  ['sum over rows', 'is a mean over rows that do not know each other', {}],
  ['no gradient', 'has a finite loss and gradient, from one row on', {}],
  ['level zero', 'has a finite loss and gradient, from one row on', {}],
  ['leaks', 'leaks no tensor in the loss, the gradient and a throw', {}],
  ['no tidy', 'leaks no tensor in the loss, the gradient and a throw', {}],
  ['disposes the batch', 'leaks no tensor in the loss, the gradient and a throw', {}],
  ['hides NaN', 'does not hide data that are not finite', {}],
  ['takes no reference', 'refuses what cannot give it what it needs', { reference: 8 }],
  ['takes any model', 'refuses what cannot give it what it needs', { derivatives: 2 }],
  ['factor 2', 'is least at the exact model', {}],
  ['sign', 'is least at the exact model', {}],
  ['negative', 'is least at the exact model', {}],
  ['wrong level', 'is least at the exact model', {}],
  ['level of another row', 'is least at the exact model', {}],
] as const;

describe('each planted mistake is caught, by the check that names it', () => {
  it.each(planted)('%s ⟶ not: %s', async (mistake, sentence, needs) => {
    const objective = careful(mistake, needs);
    await expect(objectiveChecks[sentence]!({ create: () => objective })).rejects.toThrow(/^\[conformance/);
  });

  it('and every check has one', () =>
    expect(new Set(planted.map(([, sentence]) => sentence))).toEqual(new Set(Object.keys(objectiveChecks))));
});
