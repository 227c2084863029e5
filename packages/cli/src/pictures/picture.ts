/** Pixels for an eye: row-major, 3 bytes a pixel (RGB) or 4 (RGBA); which of the two follows from the length of `data`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export const channelsOf = ({ width, height, data }: Picture): 3 | 4 => (data.length === 4 * width * height ? 4 : 3);
