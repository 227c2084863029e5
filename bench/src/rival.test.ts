import { writeFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { measure } from './measure.ts';
import { startRival, type RivalCommand } from './rival.ts';
import type { Entrant } from './rivals.ts';

let script = '';
beforeAll(async () => {
  script = join(await mkdtemp(join(tmpdir(), 'tweedie-rival-')), 'rival.mjs');
  // Takes the milliseconds that it is told to take; cannot train if told so.
  await writeFile(
    script,
    `const [ms, trains] = process.argv.slice(2);
     const say = (line) => console.log(JSON.stringify(line));
     say({ ready: 'rival ' + ms });
     let rest = '';
     process.stdin.on('data', (chunk) => {
       const lines = (rest + chunk).split('\\n');
       rest = lines.pop();
       for (const { task } of lines.map((line) => JSON.parse(line))) {
         if (task === 'check') say({ values: [1, 2 + Number(ms) / 1e6] });
         else if (task === 'memory') say({ bytes: 1000 });
         else if (task === 'train' && trains === 'no') say({ error: 'no kernel' });
         else say({ milliseconds: Number(ms) });
       }
     });`,
  );
});
const command = (ms: number, trains = 'yes'): RivalCommand => ({
  name: `r${ms}`,
  command: process.execPath,
  args: [script, String(ms), trains],
});
const entrant = (ms: number, trains?: string): Entrant => ({
  ...command(ms, trains),
  group: 'other',
  threads: 1,
  tasks: ['call', 'train', 'sample'],
});

it('asks, is answered, and ends the process', async () => {
  const rival = await startRival(command(5));
  expect(rival.about).toBe('rival 5');
  expect(await rival.ask('call')).toEqual({ milliseconds: 5 });
  await rival.close();
  const failing = await startRival(command(5, 'no'));
  await expect(failing.ask('train')).rejects.toThrow('[r5] cannot train: got no kernel');
  await failing.close();
  await expect(
    startRival({ name: 'gone', command: process.execPath, args: ['--eval', 'console.error("broken"); process.exit(3)'] }),
  ).rejects.toThrow('[gone] the rival ended before it answered: got broken');
});

it('takes the times that rivals tell, not those of the conversation, and goes on without who cannot', async () => {
  const absent = { ...entrant(1), name: 'absent', absent: 'not here' };
  const slow = { ...entrant(900), once: true } as const;
  const rows = await measure({ entrants: [entrant(3), entrant(7, 'no'), absent, slow], rounds: 5, warmup: 1, onProgress: () => undefined });
  expect(rows.map(({ times }) => times.call)).toEqual([Array(5).fill(3), Array(5).fill(7), undefined, [900]]);
  expect(rows[1]!.times.train).toBeUndefined();
  expect(rows.map(({ reason }) => reason)).toEqual([null, '[r7] cannot train: got no kernel', 'not here', null]);
  expect(rows[1]!.difference).toBeCloseTo(4e-6, 12);
  expect(rows.map(({ peakBytes }) => peakBytes)).toEqual([1000, null, null, null]);
});
