import { tweedieError } from '@tweedie/core';
import { encode } from 'fast-png';
import { channelsOf, type Picture } from './picture.ts';

/** A picture as a PNG file. One that is grey all over is stored as grey: a third of the size, the same pixels. */
export const encodePng = (picture: Picture): Uint8Array => {
  const { width, height, data } = checkPicture(picture);
  const channels = channelsOf(picture);
  const grey = channels === 3 && data.every((value, i) => value === data[i - (i % 3)]);
  return encode({ width, height, channels: grey ? 1 : channels, depth: 8, data: grey ? data.filter((_, i) => i % 3 === 0) : data });
};

/** Refuses a picture whose bytes are not its pixels. */
export const checkPicture = (picture: Picture): Picture => {
  const { width, height, data } = picture;
  const pixels = width * height;
  if (
    !(pixels > 0) ||
    !Number.isInteger(width) ||
    !Number.isInteger(height) ||
    (data.length !== 3 * pixels && data.length !== 4 * pixels)
  ) {
    throw tweedieError({
      subject: 'pictures',
      problem: 'the bytes are not those of the picture',
      got: `${data.length} bytes for ${width}×${height}`,
      expected: `${3 * pixels} (RGB) or ${4 * pixels} (RGBA)`,
    });
  }
  return picture;
};
