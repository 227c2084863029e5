import { scalar, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../contracts/dataset.ts';
import type { Network } from '../contracts/network.ts';
import type { Objective } from '../contracts/objective.ts';
import type { Sampler } from '../contracts/sampler.ts';
import { createNoise } from '../noise/noise.ts';
import { edm } from '../process/edm.ts';
import { edmPreconditioner, epsPreconditioner } from '../process/preconditioner.ts';
import { ve } from '../process/ve.ts';
import { adam } from '../run/adam.ts';
import * as tokens from './container.ts';
import { compose, made, value, type Part, type Token } from './container.ts';

const dataset = (id: string): Dataset => ({
  id,
  shape: [2],
  classes: 0,
  size: 8,
  rows: (indices) => ({ images: new Float32Array(indices.length * 2) }),
});
const network = (name: string): Network => ({
  kind: 'network',
  api: 1,
  name,
  config: {},
  shape: [2],
  classes: 0,
  parameters: [],
  init: () => ({}),
  apply: (_w, x) => x.clone(),
  doubleDifferentiable: true,
});
const objective = (name: string, seen: string[] = []): Objective => ({
  kind: 'objective',
  api: 1,
  name,
  needs: { derivatives: 1, kernel: true },
  reference: '',
  loss: (model) => (seen.push(`${name} ${model.schedule.id} ${model.head}`), scalar(0)),
});
const sampler = (name: string): Sampler => ({
  kind: 'sampler',
  api: 1,
  name,
  facts: { stochastic: false, reachesZero: true, batchCoupled: false, likelihood: false, guidance: true, inpainting: true },
  reference: '',
  plan: (schedule, levels) => ({ sampler: name, schedule, levels, nfe: levels.length - 1, steps: [], notes: [] }),
  async *steps(_d, y) {
    return y.clone();
  },
});

const parts = (): readonly Part[] => [
  value(tokens.DATA, dataset('a')),
  value(tokens.NETWORK, network('a')),
  value(tokens.SCHEDULE, edm()),
  value(tokens.PRECONDITIONER, edmPreconditioner()),
  value(tokens.OBJECTIVE, objective('a')),
  value(tokens.OPTIMIZER, adam({ rate: 1 })),
  value(tokens.SAMPLER, sampler('a')),
  value(tokens.LEVELS, Float64Array.of(2, 1)),
  value(tokens.NOISE, createNoise(1)),
  value(tokens.METRICS, []),
  value(tokens.EXTRACTOR, { id: 'a', dims: 1, features: () => zeros([1, 1]) }),
  value(tokens.LOGGER, { info: () => undefined, warn: () => undefined }),
  value(tokens.TRAINING, { batchSize: 2 }),
];

/** Every token that core names, found by looking, so that a new one cannot be forgotten here. */
const everyToken = Object.entries(tokens as unknown as Record<string, Token<unknown>>).filter(
  ([name, it]) => /^[A-Z]+$/.test(name) && 'symbol' in it,
);

describe('compose', () => {
  it('knows every token', () => {
    expect(everyToken.length).toBe(16);
    const experiment = compose(...parts());
    for (const [name, token] of everyToken) expect(experiment.get(token), name).toBeDefined();
  });

  it.each(everyToken)('a child scope overrides %s alone, and the parent does not notice', (_, token) => {
    const experiment = compose(...parts());
    const before = new Map(everyToken.map(([name, each]) => [name, experiment.get(each)]));
    const other = { planted: true };
    const child = experiment.scope(value(token, other));
    expect(child.get(token)).toBe(other);
    for (const [name, each] of everyToken) expect(experiment.get(each)).toBe(before.get(name));
    // given parts are shared with the child, derived ones (feed, loss, plan) are its own
    for (const [name, each] of everyToken)
      if (each !== token && !['FEED', 'LOSS', 'PLAN'].includes(name)) expect(child.get(each), name).toBe(before.get(name));
  });

  it('makes what follows from a part anew where the part is another', () => {
    const seen: string[] = [];
    const experiment = compose(...parts(), value(tokens.OBJECTIVE, objective('a', seen)));
    const child = experiment.scope(
      value(tokens.SCHEDULE, ve()),
      value(tokens.PRECONDITIONER, epsPreconditioner()),
      value(tokens.SAMPLER, sampler('b')),
      value(tokens.DATA, { ...dataset('b'), size: 3 }),
    );
    const batch = { x0: zeros([2, 2]), step: 0 };
    for (const each of [experiment, child, experiment]) each.get(tokens.LOSS)({}, batch, each.get(tokens.NOISE)).dispose();
    batch.x0.dispose();
    expect(seen).toEqual(['a edm(0.002,80) x0', 'a ve(0.01,50) eps', 'a edm(0.002,80) x0']);
    expect([child.get(tokens.PLAN).sampler, child.get(tokens.PLAN).schedule.id]).toEqual(['b', 've(0.01,50)']);
    expect(experiment.get(tokens.PLAN).sampler).toBe('a');
    expect(Math.max(...child.get(tokens.FEED).indices(0))).toBeLessThan(3);
  });

  it('makes each thing once a scope', () => {
    let made_ = 0;
    const COUNTED = tokens.token<number>('counted');
    const experiment = compose(made(COUNTED, () => ++made_));
    expect([experiment.get(COUNTED), experiment.get(COUNTED), experiment.scope().get(COUNTED), experiment.get(COUNTED)]).toEqual([
      1, 1, 2, 1,
    ]);
  });

  it('two experiments know nothing of each other, and a missing part is named', () => {
    expect(compose(...parts()).has(tokens.DATA)).toBe(true);
    expect(compose().has(tokens.DATA)).toBe(false);
    expect(() => compose().get(tokens.SAMPLER)).toThrow('[experiment] nothing was given for sampler; add it to compose(...) or to a scope');
  });
});
