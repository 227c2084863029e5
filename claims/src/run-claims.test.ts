import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lineChart } from '@tweedie/cli';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Claim } from './claim.ts';
import { runClaims, writeDocuments } from './run-claims.ts';
import { openStore } from './store.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tweedie-claims-'));
  await writeFile(join(root, 'README.md'), 'before\n<!-- claims: written by `npm run claims` -->\nold\n<!-- /claims -->\nafter\n');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Two cells, and a verdict on their sum. */
const counted = (made: string[], fail?: () => void): Claim => ({
  id: 'sum',
  method: 'Summation',
  paper: 'Anonymous: On sums.',
  budget: { whole: 2, quick: 1 },
  study: async (lab) => {
    let total = 0;
    for (const n of lab.quick ? [1] : [1, 2])
      total += await lab.cell({ kind: 'number', n }, async () => {
        made.push(String(n));
        if (n === 2) fail?.();
        return n;
      });
    return {
      findings: [{ claim: 'a | b', ran: 'two numbers', measured: `${total}`, verdict: total === 3 ? 'held' : 'not held' }],
      sections: [
        {
          title: 'Numbers',
          table: { columns: ['n', 'sum'], rows: [['all', total]] },
          figures: [
            { picture: (width) => lineChart({ lines: [{ name: 'n', x: [1, 2], y: [1, 2] }], xLabel: 'n', yLabel: 'n', width }), alt: 'n' },
          ],
        },
      ],
    };
  },
});

describe('runClaims', () => {
  it('makes each cell once, and the documents from the records alone', async () => {
    const made: string[] = [];
    const claims = [counted(made)];
    await runClaims({ claims, root });
    expect(made).toEqual(['1', '2']);
    const document = await readFile(join(root, 'docs/claims.md'), 'utf8');
    expect(document).toContain('| [Summation](#sum) | a \\| b | 3 | **held** |');
    expect(document).toContain('![n](claims/sum-1.svg)');
    expect(await readFile(join(root, 'docs/claims/sum-1.svg'), 'utf8')).toMatch(/^<svg/);
    expect(await readFile(join(root, 'runs/claims/report.html'), 'utf8')).toContain('Summation');
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    expect(readme).toMatch(/^before\n[^]*\| \[Summation\]\(docs\/claims\.md#sum\) [^]*after\n$/);
    expect(readme).not.toContain('old');
    await runClaims({ claims, root });
    await writeDocuments({ claims, root });
    expect(made).toEqual(['1', '2']);
    expect(await readFile(join(root, 'docs/claims.md'), 'utf8')).toBe(document);
  });

  it('keeps the cells that were made before a failure, and says what was not run', async () => {
    const made: string[] = [];
    const claims = [
      counted(made, () => {
        throw new Error('power cut');
      }),
    ];
    await expect(runClaims({ claims, root })).rejects.toThrow('power cut');
    const missing = (await runClaims({ claims, root, report: true }))[0]?.missing;
    expect(missing).toMatch(/not made/);
    expect(await readFile(join(root, 'docs/claims.md'), 'utf8')).toContain('**not run**'.replaceAll('*', ''));
    await runClaims({ claims: [counted(made)], root });
    expect(made).toEqual(['1', '2', '2']);
  });

  it('ends a claim whose budget is spent after the cell that was begun, and goes on the next time', async () => {
    const made: string[] = [];
    const said: string[] = [];
    const other: Claim = { ...counted(made), id: 'other' };
    let minute = 0;
    const run = () => runClaims({ claims: [counted(made), other], root, print: (line) => said.push(line), now: () => 60_000 * minute++ });
    const first = await run(); // a cell begins at minute 1, the next would at minute 2
    expect(made).toEqual(['1', '1']);
    expect(said.filter((line) => line.includes('budget of 2 minutes is spent'))).toHaveLength(2);
    expect(first.map(({ missing }) => missing === undefined)).toEqual([false, false]);
    expect((await run()).map(({ conclusion }) => conclusion?.findings[0]?.verdict)).toEqual(['held', 'held']);
    expect(made).toEqual(['1', '1', '2', '2']);
  });

  it('runs the reduced version beside the whole one, and refuses a claim that there is not', async () => {
    const made: string[] = [];
    await runClaims({ claims: [counted(made)], root, quick: true });
    expect(made).toEqual(['1']);
    expect(await readFile(join(root, 'runs/claims-quick/claims.md'), 'utf8')).toContain('not held');
    expect(await readdir(root)).not.toContain('docs');
    await expect(runClaims({ claims: [counted(made)], root, only: ['product'] })).rejects.toThrow(
      /no such claim: got product, expected sum/,
    );
  });

  it('makes a cell anew whose file is damaged or of another key', async () => {
    const folder = join(root, 'records');
    const made = () => ({ engine: 'cpu', commit: 'none', date: '2026-01-01T00:00:00Z' });
    const store = openStore({ folder, claim: 'x', made });
    expect(await store.cell({ n: 1 }, () => Promise.resolve(5))).toBe(5);
    const [file] = await readdir(join(folder, 'x'));
    await writeFile(join(folder, 'x', file!), '{"schema":"tweedie/claims-cell@1","key":{"n":2},"value":7}');
    expect(await store.cell({ n: 1 }, () => Promise.resolve(6))).toBe(6);
    await writeFile(join(folder, 'x', file!), 'half a fi');
    await expect(openStore({ folder, claim: 'x' }).cell({ n: 1 }, () => Promise.resolve(1))).rejects.toThrow(/not made yet/);
  });
});
