/** Pictures and weights that are no one's: a hash of (number of the tensor, index), as hashed.py has it too. */

/** count numbers in [−1, 1), float64. */
export const uniform = (tensor: number, count: number): Float64Array => {
  const out = new Float64Array(count);
  const salt = Math.imul(tensor, 0x85ebca77);
  for (let i = 0; i < count; i++) {
    let h = (Math.imul(i, 0x9e3779b1) + salt) | 0;
    h ^= h >>> 16;
    h = Math.imul(h, 0x21f0aaad);
    h ^= h >>> 15;
    h = Math.imul(h, 0xd35a2d97);
    h ^= h >>> 15;
    out[i] = (h >>> 0) / 2 ** 31 - 1;
  }
  return out;
};

/** Bytes [height, width, channels]: a smooth wave with some noise. */
export const picture = (height: number, width: number, channels: number, number: number): Uint8Array => {
  const noise = uniform(1000 + number, height * width * channels);
  return Uint8Array.from(noise, (u, i) => {
    const c = i % channels;
    const x = Math.floor(i / channels) % width;
    const y = Math.floor(i / (channels * width));
    const triangle = Math.abs(((x * 37 + y * 23 + c * 101 + number * 59) % 510) - 255);
    return Math.min(255, Math.max(0, triangle + Math.floor((u + 1) * 16) - 16));
  });
};
