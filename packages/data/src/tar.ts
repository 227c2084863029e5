/** Tar as a stream: 512-byte headers, each followed by its content, padded to 512 (POSIX.1-1988 ustar; pax and GNU extras are passed over). */
import { tweedieError } from '@tweedie/core';
import { ALTERED } from './bytes.ts';

export interface TarEntry {
  /** As the archive says it. It is only ever compared with names that are expected, never used as a path. */
  readonly name: string;
  readonly size: number;
  /** The content, if it is asked for before the next entry is. Errors: more than `limit` bytes, a truncated archive. */
  read(limit: number): Promise<Uint8Array>;
}

const BLOCK = 512;
const REGULAR = new Set(['0', '\0']);

/** The regular files of a tar archive, in order, holding no more than a chunk of it at a time. Errors: a bad checksum, a truncated archive. */
export async function* tarEntries(source: AsyncIterable<Uint8Array>, subject: string): AsyncGenerator<TarEntry, void, void> {
  const chunks = source[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array(0);
  /** The next bytes, at most `most`; empty at the end. */
  const next = async (most: number): Promise<Uint8Array> => {
    while (chunk.length === 0) {
      const { done, value } = await chunks.next();
      if (done === true) return chunk;
      chunk = value;
    }
    const part = chunk.subarray(0, most);
    chunk = chunk.subarray(part.length);
    return part;
  };
  /** Passes `length` bytes to `take`. */
  const consume = async (length: number, take?: (part: Uint8Array, at: number) => void): Promise<void> => {
    for (let at = 0; at < length;) {
      const part = await next(length - at);
      if (part.length === 0)
        throw tweedieError({
          subject,
          problem: 'the archive ends too early',
          got: `${String(at)} bytes`,
          expected: `${String(length)}`,
          remedy: ALTERED,
        });
      take?.(part, at);
      at += part.length;
    }
  };

  try {
    for (;;) {
      const header = new Uint8Array(BLOCK);
      await consume(BLOCK, (part, at) => header.set(part, at));
      if (header.every((byte) => byte === 0)) return;
      const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
      const size = octal(header.subarray(124, 136));
      if (octal(header.subarray(148, 156)) !== sum || !Number.isSafeInteger(size))
        throw tweedieError({ subject, problem: 'this is no tar archive, or it is altered: a header’s checksum is wrong', remedy: ALTERED });

      let left = size;
      const read = async (limit: number): Promise<Uint8Array> => {
        if (size > limit)
          throw tweedieError({
            subject: `${subject}: ${name}`,
            problem: 'the entry is larger than it should be',
            got: `${String(size)} bytes`,
            expected: `at most ${String(limit)}`,
            remedy: ALTERED,
          });
        const content = new Uint8Array(size);
        await consume(size, (part, at) => content.set(part, at));
        left = 0;
        return content;
      };
      const prefix = text(header.subarray(257, 262)) === 'ustar' ? text(header.subarray(345, 500)) : '';
      const name = `${prefix && `${prefix}/`}${text(header.subarray(0, 100))}`;
      if (REGULAR.has(String.fromCharCode(header[156]!))) yield Object.freeze({ name, size, read });
      await consume(left);
      await consume((BLOCK - (size % BLOCK)) % BLOCK);
    }
  } finally {
    await chunks.return?.();
  }
}

const text = (field: Uint8Array): string => {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
};

const octal = (field: Uint8Array): number => {
  const digits = text(field).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : NaN;
};
