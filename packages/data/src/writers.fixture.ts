/** Writers of the formats that this package reads, for its tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTweedieError } from '@tweedie/core';
import { onTestFinished } from 'vitest';

export const writeIdx = (shape: readonly number[], data: Uint8Array): Uint8Array => {
  const out = new Uint8Array(4 + 4 * shape.length + data.length);
  out.set([0, 0, 8, shape.length]);
  shape.forEach((size, i) => new DataView(out.buffer).setUint32(4 + 4 * i, size));
  out.set(data, 4 + 4 * shape.length);
  return out;
};

/** `images` interleaved [N, 32, 32, 3]; written independently of the reader: channel by channel. */
export const writeCifar = (images: Uint8Array, labels: readonly (readonly number[])[]): Uint8Array =>
  Uint8Array.from(
    labels.flatMap((bytes, i) => {
      const pixels = [...images.subarray(i * 3072, (i + 1) * 3072)];
      return [...bytes, ...[0, 1, 2].flatMap((channel) => pixels.filter((_, at) => at % 3 === channel))];
    }),
  );

export const writeTar = (
  entries: readonly { readonly name: string; readonly content: Uint8Array; readonly type?: string }[],
): Uint8Array => {
  const blocks = entries.map(({ name, content, type = '0' }) => {
    const block = Buffer.alloc(512 + 512 * Math.ceil(content.length / 512));
    block.write(name, 0);
    block.write('0000644\0', 100);
    block.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    block.write('        ', 148);
    block.write(type, 156);
    block.write('ustar\x0000', 257);
    const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    block.set(content, 512);
    return block;
  });
  return new Uint8Array(Buffer.concat([...blocks, Buffer.alloc(1024)]));
};

/** Bytes that look random and are the same every time. */
export const someBytes = (length: number, seed = 1): Uint8Array => {
  let state = seed;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24);
};

export const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'tweedie-data-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** The message of the Tweedie error that `act` ends in. */
export const complaintOf = async (act: () => unknown): Promise<string> => {
  try {
    await act();
  } catch (error) {
    if (isTweedieError(error)) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
};
