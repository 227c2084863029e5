import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { contestants } from './contestants.ts';
import { main } from './fast-sampling.ts';
import { PROBLEMS } from './problems.ts';

it('trains once, draws from the same noise by each sampler, and says how near they come; tiny', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fast-sampling-'));
  const lines: string[] = [];
  const tiny = { steps: 60, count: 200, calls: [5, 10], folder, print: (line: string) => lines.push(line) };
  try {
    const tensors = memory().numTensors;
    const { entries, exact, leftOut, report } = await main(tiny);
    expect(memory().numTensors).toBe(tensors);
    const names = contestants(PROBLEMS.checkerboard).map(({ name }) => name);
    expect(entries.length / 2 + leftOut.length).toBe(names.length);
    expect(leftOut).toEqual([]);
    expect(exact.nfe).toBe(127);
    for (const { nfe, calls, score, images } of entries) {
      expect(nfe).toBe(calls); // one call a step, and none for what teleport skips
      expect(score.n).toBe(200);
      expect(images.every(Number.isFinite)).toBe(true);
    }
    // All follow one flow: more calls, nearer to it.
    for (const name of names) {
      const [five, ten] = entries.filter((entry) => entry.name === name);
      expect(ten!.deviation).toBeLessThan(five!.deviation);
      expect(five!.deviation).toBeLessThan(0.5);
    }
    const [ddim, multistep] = ['ddim', 'dpmpp-2m'].map((name) => entries.find((entry) => entry.name === name && entry.calls === 10)!);
    expect(multistep!.deviation).toBeLessThan(0.7 * ddim!.deviation);

    const html = await readFile(report, 'utf8');
    for (const wanted of [...names, 'the flow itself', '10 calls']) expect(html).toContain(wanted);
    expect(lines.join('\n')).toMatch(/SW2² × 1000 +5 calls +10 calls/);

    // The run is there: nothing is trained again, and the same is drawn.
    const again = await main({ ...tiny, run: join(folder, 'run-60'), calls: [5], only: ['ddim'] });
    expect(again.entries[0]!.images).toEqual(entries[0]!.images);
    await expect(main({ ...tiny, only: ['ddpm'] })).rejects.toThrow(/\[fast-sampling\] there is no such sampler here: got ddpm/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
