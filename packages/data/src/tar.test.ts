import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tarEntries } from './tar.ts';
import { complaintOf, someBytes, writeTar } from './writers.fixture.ts';

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const contents = async (bytes: Uint8Array, size = 4096, limit = 1e6): Promise<[string, Uint8Array][]> => {
  const out: [string, Uint8Array][] = [];
  for await (const { name, read } of tarEntries(chunked(bytes, size), 'file')) out.push([name, await read(limit)]);
  return out;
};

describe('tarEntries', () => {
  it('reads back what was written, however it is chunked', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 3000 }),
        async (sizes, chunk) => {
          const entries = sizes.map((size, i) => ({ name: `a/${String(i)}`, content: someBytes(size, i) }));
          expect(await contents(writeTar(entries), chunk)).toEqual(entries.map(({ name, content }) => [name, content]));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('passes over what is not read, and over links, folders and pax headers', async () => {
    const names: string[] = [];
    const bytes = writeTar([
      { name: 'pax', type: 'x', content: someBytes(700) },
      { name: 'folder/', type: '5', content: new Uint8Array(0) },
      { name: '../../etc/passwd', content: someBytes(3000) },
      { name: 'last', content: someBytes(1) },
    ]);
    for await (const { name } of tarEntries(chunked(bytes, 100), 'file')) names.push(name);
    expect(names).toEqual(['../../etc/passwd', 'last']);
  });

  it('refuses what is cut, altered, too large, or no tar', async () => {
    const bytes = writeTar([{ name: 'a', content: someBytes(1000) }]);
    expect(await complaintOf(() => contents(bytes.subarray(0, 900)))).toMatch(
      /^\[file\] the archive ends too early: got 388 bytes, expected 1000/,
    );
    expect(await complaintOf(() => contents(new Uint8Array(0)))).toMatch(/the archive ends too early/);
    expect(await complaintOf(() => contents(someBytes(2048)))).toMatch(/this is no tar archive, or it is altered/);
    expect(await complaintOf(() => contents(bytes, 512, 999))).toMatch(
      /^\[file: a\] the entry is larger than it should be: got 1000 bytes, expected at most 999/,
    );
    const altered = Uint8Array.from(bytes);
    altered[0]! ^= 1; // its name
    expect(await complaintOf(() => contents(altered))).toMatch(/a header’s checksum is wrong/);
  });
});
