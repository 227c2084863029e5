import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTweedieError } from '@tweedie/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPython } from './tools.ts';
import { unpack } from './unpack.ts';

let cache = '';
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'tweedie-unpack-'));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

const complaintOf = async (attempt: Promise<unknown>): Promise<{ message: string; code: string | undefined }> => {
  const error = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isTweedieError(error)) throw new Error(`expected a TweedieError, got ${String(error)}`);
  return { message: error.message, code: error.complaint.code };
};

const python = await findPython();

describe.skipIf(python.reason !== null)('unpack', () => {
  const archive = async (name: string, script: string): Promise<string> => {
    const path = join(cache, name);
    execFileSync(python.command!, ['-c', script, path]);
    return path;
  };
  const ZIP = `import sys, zipfile
z = zipfile.ZipFile(sys.argv[1], 'w')
for name in ('a/one.h', 'a/two.cc', 'b/one.h', '../a/three.h', 'a/../../four.h'): z.writestr(name, name)
link = zipfile.ZipInfo('a/link.h'); link.external_attr = 0o120777 << 16; z.writestr(link, '/etc/passwd')
z.close()`;

  it('takes what is listed, and no link', async () => {
    const into = join(cache, 'into');
    expect(await unpack(python.command!, { archive: await archive('x.whl', ZIP), into, keep: ['a/[^/]+\\.h'] })).toBe(1);
    expect((await readdir(cache)).sort()).toEqual(['into', 'x.whl']);
    expect(await readFile(join(into, 'a/one.h'), 'utf8')).toBe('a/one.h');
    expect(await readdir(join(into, 'a'))).toEqual(['one.h']);
  });

  it('writes nothing outside its folder, whatever the list allows', async () => {
    const into = join(cache, 'deep/into');
    const { code, message } = await complaintOf(
      unpack(python.command!, { archive: await archive('x.whl', ZIP), into, keep: ['.*four\\.h'] }),
    );
    expect(code).toBe('BAD_ARCHIVE');
    expect(message).toContain('the archive leads out of its folder: a/../../four.h');
    expect((await readdir(cache)).sort()).toEqual(['x.whl']);
  });

  it('reads npm’s tarballs, and refuses what is cut or holds nothing', async () => {
    const TAR = `import io, sys, tarfile
t = tarfile.open(sys.argv[1], 'w:gz')
for name in ('package/dist/a.js', 'package/dist/a_test.js'):
  e = tarfile.TarInfo(name); e.size = 1000; t.addfile(e, io.BytesIO(bytes(range(250)) * 4))
l = tarfile.TarInfo('package/dist/l.js'); l.type = tarfile.SYMTYPE; l.linkname = '/etc/passwd'; t.addfile(l)
t.close()`;
    const tarball = await archive('x.tgz', TAR);
    const keep = ['package/dist/(?!.*_test\\.js).+\\.js'];
    expect(await unpack(python.command!, { archive: tarball, into: cache, keep })).toBe(1);
    expect((await readFile(join(cache, 'package/dist/a.js'))).length).toBe(1000);
    expect((await complaintOf(unpack(python.command!, { archive: tarball, into: cache, keep: ['other'] }))).message).toContain(
      'holds nothing of what is wanted',
    );
    await truncate(tarball, 60);
    expect((await complaintOf(unpack(python.command!, { archive: tarball, into: cache, keep }))).code).toBe('BAD_ARCHIVE');
  });
});
