import { tweedieError } from '@tweedie/core';
import { lastLine, runChild } from './child.ts';

/**
 * Takes some files out of a wheel or an npm tarball: only regular ones whose whole name matches one of the patterns, written as they are
 * read. Python's own readers do it; a wheel holds 15 000 files, and we want twenty.
 */
const SCRIPT = `
import json, os, re, shutil, sys, tarfile, zipfile
job = json.load(sys.stdin)
patterns = [re.compile(p) for p in job["keep"]]
root = os.path.realpath(job["into"])
kept = 0
def keep(name, open_it):
    global kept
    if not any(p.fullmatch(name) for p in patterns): return
    path = os.path.realpath(os.path.join(root, name))
    if not path.startswith(root + os.sep): sys.exit("the archive leads out of its folder: " + name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open_it() as source, open(path, "wb") as target: shutil.copyfileobj(source, target, 1 << 20)
    kept += 1
if job["archive"].endswith(".whl"):
    with zipfile.ZipFile(job["archive"]) as archive:
        for entry in archive.infolist():
            # a link is stored as a file whose mode says so
            if not entry.is_dir() and (entry.external_attr >> 28) != 0xA: keep(entry.filename, lambda: archive.open(entry))
else:
    with tarfile.open(job["archive"], "r:gz") as archive:
        for entry in archive:
            if entry.isreg(): keep(entry.name, lambda: archive.extractfile(entry))
print(kept)
`;

/** Unpacks what matches `keep` and returns how many files that were. Errors: an archive that is altered, leads elsewhere or holds nothing of it. */
export const unpack = async (
  python: string,
  { archive, into, keep, signal }: { archive: string; into: string; keep: readonly string[]; signal?: AbortSignal | undefined },
): Promise<number> => {
  const { status, stdout, stderr } = await runChild(python, ['-I', '-c', SCRIPT], {
    input: JSON.stringify({ archive, into, keep }),
    signal,
  });
  const kept = Number(stdout.trim());
  if (status === 0 && kept > 0) return kept;
  throw tweedieError({
    subject: archive,
    problem: status === 0 ? 'the archive holds nothing of what is wanted' : 'the archive cannot be unpacked',
    ...(status !== 0 && { got: lastLine(stderr) }),
    remedy: 'run the command again: it fetches anew what is not whole',
    code: /No space left/.test(stderr) ? 'NO_SPACE' : 'BAD_ARCHIVE',
  });
};
