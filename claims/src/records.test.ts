import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { CLAIMS } from './claims.ts';
import { documentOf } from './document.ts';
import { concluded, figureFile } from './run-claims.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

it('docs/claims.md says what the stored records say, to the letter', async () => {
  const studied = await concluded({ claims: CLAIMS, root });
  const text = documentOf({ studied, quick: false, fileOf: figureFile('docs/claims.md') });
  expect(await readFile(`${root}docs/claims.md`, 'utf8')).toBe(text);
});
