/** The radially averaged power spectrum of grey images of one size. */
export interface RadialPower {
  /** Frequencies 2 … ⌊N/2⌋ − 1, in periods over the shorter side N. */
  readonly frequencies: readonly number[];
  /** Adds the mean power at each frequency to `to`. `image` is [height, width], its mean is taken off. */
  add(image: Float64Array, to: Float64Array): void;
}

/**
 * |DFT|² of w·(x − x̄), w the product of symmetric Hann windows, averaged over the ring of frequencies that round to k. Direct sums in
 * float64 of the half of the plane that determines the rest: the same bits in any batch, and faster than a general transform at these sizes.
 */
export const radialPower = (height: number, width: number): RadialPower => {
  const side = Math.min(height, width);
  const frequencies = Array.from({ length: Math.max(0, Math.floor(side / 2) - 2) }, (_, i) => i + 2);
  const columns = Math.floor(width / 2) + 1;
  const signed = (u: number, n: number): number => (2 * u > n ? u - n : u) / n;
  /** Where frequency (u, v) belongs, −1 for nowhere; inner columns stand for their mirror images too. */
  const ring = Int32Array.from({ length: height * columns }, (_, at) => {
    const k = Math.round(side * Math.hypot(signed(Math.floor(at / columns), height), signed(at % columns, width)));
    return k - 2 < frequencies.length ? Math.max(-1, k - 2) : -1;
  });
  const weight = (v: number): number => (v === 0 || 2 * v === width ? 1 : 2);
  const sizes = new Float64Array(frequencies.length);
  ring.forEach((k, at) => {
    if (k >= 0) sizes[k]! += weight(at % columns);
  });
  const [tall, wide] = [hann(height), hann(width)];
  const [down, along] = [circle(height), circle(width)];
  const [re, im] = [new Float64Array(height * columns), new Float64Array(height * columns)];

  return {
    frequencies,
    add: (image, to) => {
      const mean = image.reduce((sum, x) => sum + x, 0) / image.length;
      for (let p = 0; p < height; p++) {
        for (let v = 0; v < columns; v++) {
          let [a, b] = [0, 0];
          for (let q = 0; q < width; q++) {
            const x = (image[p * width + q]! - mean) * wide[q]!;
            const j = (q * v) % width;
            a += x * along.cos[j]!;
            b -= x * along.sin[j]!;
          }
          re[p * columns + v] = a * tall[p]!;
          im[p * columns + v] = b * tall[p]!;
        }
      }
      for (let u = 0; u < height; u++) {
        for (let v = 0; v < columns; v++) {
          const k = ring[u * columns + v]!;
          if (k < 0) continue;
          let [a, b] = [0, 0];
          for (let p = 0; p < height; p++) {
            const j = (p * u) % height;
            const [c, s] = [down.cos[j]!, down.sin[j]!];
            const at = p * columns + v;
            a += re[at]! * c + im[at]! * s;
            b += im[at]! * c - re[at]! * s;
          }
          to[k]! += (weight(v) * (a * a + b * b)) / sizes[k]!;
        }
      }
    },
  };
};

/** ½ − ½ cos 2πj/(n − 1) */
const hann = (n: number): Float64Array => Float64Array.from({ length: n }, (_, j) => 0.5 - 0.5 * Math.cos((2 * Math.PI * j) / (n - 1)));

const circle = (n: number): { readonly cos: Float64Array; readonly sin: Float64Array } => ({
  cos: Float64Array.from({ length: n }, (_, j) => Math.cos((2 * Math.PI * j) / n)),
  sin: Float64Array.from({ length: n }, (_, j) => Math.sin((2 * Math.PI * j) / n)),
});
