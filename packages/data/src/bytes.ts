import { readFile } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { tweedieError } from '@tweedie/core';

/** Reads a whole file. Errors: the file is not there, or cannot be read. */
export const readWhole = async (path: string): Promise<Uint8Array> => {
  try {
    const bytes = await readFile(path);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength); // a Buffer’s slice() does not copy; a Uint8Array’s does
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw tweedieError({
      subject: path,
      problem: code === 'ENOENT' ? 'there is no such file' : `the file cannot be read (${code ?? String(cause)})`,
      remedy: 'check the path',
      cause,
    });
  }
};

/** Whether the bytes start as a gzip member does (RFC 1952). */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** The first bytes of what a gzip holds: enough for a header, and never more than a few megabytes. */
export const gunzipHead = (bytes: Uint8Array, subject: string): Uint8Array =>
  inflating(subject, () => gunzipSync(bytes.subarray(0, 2048), { finishFlush: constants.Z_SYNC_FLUSH }));

/** What a gzip holds, at most `limit` bytes of it: one that holds more is refused before it fills the memory. */
export const gunzipUpTo = (bytes: Uint8Array, limit: number, subject: string): Uint8Array =>
  inflating(subject, () => gunzipSync(bytes, { maxOutputLength: Math.max(1, limit) }), limit);

const inflating = (subject: string, inflate: () => Uint8Array, limit?: number): Uint8Array => {
  try {
    return inflate();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw tweedieError({
        subject,
        problem: 'the compressed file holds more than it should',
        got: `more than ${String(limit)} bytes`,
        expected: `${String(limit)} bytes`,
        remedy: ALTERED,
        cause,
      });
    throw tweedieError({
      subject,
      problem: 'the gzip data is truncated or altered',
      got: (cause as Error).message,
      remedy: ALTERED,
      cause,
    });
  }
};

/** What to do about a file whose content is not what it should be. */
export const ALTERED = 'the file is truncated or altered: get it again';
