import { tweedieError } from '@tweedie/core';
import * as gifenc from 'gifenc';
import { channelsOf, type Picture } from './picture.ts';
import { checkPicture } from './png.ts';

export interface GifOptions {
  /** Frames a second, (0, 50]: viewers show faster ones slowly. Default 12. */
  readonly fps?: number;
  /** Seconds that the last frame stays. Default 1.5. */
  readonly hold?: number;
}

// Its ES module is hidden from Node, which sees one default export; bundlers see the names.
const { GIFEncoder, quantize, applyPalette } = 'GIFEncoder' in gifenc ? (gifenc as unknown as typeof gifenc.default) : gifenc.default;

/**
 * An animation, repeated for ever. Up to 256 colours are kept exactly, and grey images never have more; beyond that the colours
 * are chosen over all frames together, so that nothing flickers. An alpha channel is ignored.
 */
export const encodeGif = (frames: readonly Picture[], { fps = 12, hold = 1.5 }: GifOptions = {}): Uint8Array => {
  const [first] = frames;
  if (first === undefined) throw tweedieError({ subject: 'gif', problem: 'there are no frames' });
  if (!(fps > 0 && fps <= 50))
    throw tweedieError({ subject: 'gif', problem: 'fps is out of range', got: fps, expected: 'a number in (0, 50]' });
  if (!(hold >= 0 && hold <= 600))
    throw tweedieError({ subject: 'gif', problem: 'hold is out of range', got: hold, expected: 'seconds in [0, 600]' });
  const { width, height } = first;
  const odd = frames.findIndex((frame) => frame.width !== width || frame.height !== height);
  if (odd >= 0)
    throw tweedieError({
      subject: 'gif',
      problem: `frame ${odd} has another size`,
      got: `${frames[odd]!.width}×${frames[odd]!.height}`,
      expected: `${width}×${height}`,
    });

  const coloured = frames.map((frame) => colours(checkPicture(frame)));
  const { palette, index } = exactPalette(coloured) ?? chosenPalette(coloured);
  const gif = GIFEncoder();
  coloured.forEach((frame, i) => {
    const delay = i === frames.length - 1 ? Math.max(1000 / fps, 1000 * hold) : 1000 / fps;
    gif.writeFrame(index(frame), width, height, i === 0 ? { palette, delay, repeat: 0 } : { delay });
  });
  gif.finish();
  return gif.bytes();
};

/** One number a pixel: red, green, blue from the highest byte down. */
const colours = (picture: Picture): Uint32Array => {
  const channels = channelsOf(picture);
  const { data } = picture;
  const out = new Uint32Array(data.length / channels);
  for (let i = 0, at = 0; i < out.length; i++, at += channels) out[i] = (data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!;
  return out;
};

interface Indexed {
  readonly palette: gifenc.Palette;
  readonly index: (frame: Uint32Array) => Uint8Array;
}

/** Undefined where there are more than 256 colours. */
const exactPalette = (frames: readonly Uint32Array[]): Indexed | undefined => {
  const place = new Int16Array(2 ** 24).fill(-1);
  const palette: [number, number, number][] = [];
  for (const frame of frames) {
    for (const colour of frame) {
      if (place[colour] !== -1) continue;
      if (palette.length === 256) return undefined;
      place[colour] = palette.length;
      palette.push([colour >> 16, (colour >> 8) & 255, colour & 255]);
    }
  }
  const index = (frame: Uint32Array): Uint8Array => {
    const out = new Uint8Array(frame.length);
    for (let i = 0; i < out.length; i++) out[i] = place[frame[i]!]!;
    return out;
  };
  return { palette, index };
};

/** 256 colours chosen from at most about a million pixels, evenly over all frames. */
const chosenPalette = (frames: readonly Uint32Array[]): Indexed => {
  const every = Math.ceil(frames.reduce((sum, frame) => sum + frame.length, 0) / 2 ** 20);
  const palette = quantize(rgba(frames.map((frame) => frame.filter((_, i) => i % every === 0))), 256);
  return { palette, index: (frame) => applyPalette(rgba([frame]), palette) };
};

const rgba = (frames: readonly Uint32Array[]): Uint8Array => {
  const bytes = new Uint8Array(4 * frames.reduce((sum, frame) => sum + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    for (const colour of frame) {
      bytes[at++] = colour >> 16;
      bytes[at++] = (colour >> 8) & 255;
      bytes[at++] = colour & 255;
      bytes[at++] = 255;
    }
  }
  return bytes;
};
