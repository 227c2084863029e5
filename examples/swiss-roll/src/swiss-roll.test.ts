import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { empirical, type Empirical } from '@tweedie/analytic';
import { toy } from '@tweedie/data';
import { expect, it } from 'vitest';
import { lattice } from './show.ts';
import { main } from './swiss-roll.ts';

/** The points that the example learns. */
const roll = (): Empirical =>
  empirical(toy({ name: 'swiss-roll', size: 8192, seed: 0 }).rows(Int32Array.from({ length: 8192 }, (_, i) => i)).images, { dims: 2 });

it('learns, compares, draws and shows, tiny', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'swiss-roll-'));
  const lines: string[] = [];
  const tensors = memory().numTensors;
  try {
    const { fields, drawn } = await main({ steps: 60, count: 200, folder, print: (line) => lines.push(line) });
    expect(memory().numTensors).toBe(tensors);

    // From far away a Gaussian is nearly enough: sixty steps know it.
    expect(fields.map(({ rho }) => rho)).toEqual([0.05, 0.15, 0.6]);
    expect(fields[2]!.error).toBeLessThan(0.25);
    fields.forEach(({ error }) => expect(error).toBeLessThan(1));

    // Ten arrows, against the score in float64.
    const truth = roll();
    for (const { rho, arrows } of fields) {
      const exact = truth.score(lattice(21).subarray(400, 420), rho);
      exact.forEach((s, i) => expect(Math.abs(arrows.exact[400 + i]! - s) * rho).toBeLessThan(1e-3));
    }

    expect(drawn.map(({ sampler, nfe, states }) => [sampler, nfe, states.length])).toEqual([
      ['heun', 35, 19],
      ['dpmpp-2m', 18, 19],
    ]);
    for (const { score } of drawn) {
      expect(score.n).toBe(200);
      expect(score.floor).toBeGreaterThan(0);
      expect(score.value).toBeLessThan(0.1); // pure noise at ρ = 10 is above 50
    }
    // Both start from the same noise and follow the same equation.
    expect(Array.from(drawn[0]!.states[0]!)).toEqual(Array.from(drawn[1]!.states[0]!));

    expect((await readdir(folder)).sort()).toEqual([
      'exact-1.svg',
      'exact-2.svg',
      'exact-3.svg',
      'learnt-1.svg',
      'learnt-2.svg',
      'learnt-3.svg',
      'report.html',
      'samples-1.svg',
      'samples-2.svg',
      'samples.png',
      'ways-1.svg',
    ]);
    const report = await readFile(join(folder, 'report.html'), 'utf8');
    for (const wanted of ['swiss roll', 'SW2²-data, heun', 'ρ = 0.05', `${(100 * fields[0]!.error).toFixed(1)} %`])
      expect(report).toContain(wanted);
    expect(lines).toHaveLength(1 + 3 + 2 + 1);
  } finally {
    await rm(folder, { recursive: true });
  }
});
