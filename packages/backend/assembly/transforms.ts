/** The linear maps of Winograd's method, tile by tile: see winograd.ts. */
import { ceilTo, skewed } from './layout';

/** Four floats that stand `step` bytes apart. */
function gather(at: usize, step: usize): v128 {
  let v = v128.load32_splat(at);
  v = v128.load_lane<f32>(at + step, v, 1);
  v = v128.load_lane<f32>(at + 2 * step, v, 2);
  return v128.load_lane<f32>(at + 3 * step, v, 3);
}

/** One row of U from one of G g: its four numbers stand `plane` bytes apart. */
function storeRow(to: usize, plane: usize, a: v128, b: v128, c: v128): void {
  const half = f32x4.splat(0.5);
  const even = f32x4.mul(f32x4.add(a, c), half);
  const odd = f32x4.mul(b, half);
  v128.store(to, a);
  v128.store(to + plane, f32x4.add(even, odd));
  v128.store(to + 2 * plane, f32x4.sub(even, odd));
  v128.store(to + 3 * plane, c);
}

/**
 * U = G g Gᵀ in panels, [16][N/8][K][8]. The filter is [3, 3, K, N], or where it is `turned` [3, 3, N, K], read turned by 180° and with its
 * channels exchanged, as the gradient of the input takes it.
 */
// prettier-ignore
export function transformFilter(g: usize, K: i32, N: i32, turned: bool, U: usize): void {
  const plane = skewed(K * ceilTo(N, 8));
  const tap = (K * N * 4);
  const half = f32x4.splat(0.5);
  if ((N & 7) !== 0) memory.fill(U, 0, 16 * plane); // the columns that fill the last panel
  for (let n = 0; n < N; n += 4) {
    for (let k = 0; k < K; k++) {
      const to = U + (((n >> 3) * K * 8 + k * 8 + (n & 7)) * 4);
      const at = g + ((turned ? n * K + k : k * N + n) * 4);
      let step = 4;
      if (turned) step = K * 4;
      const first = turned ? at + 8 * tap : at;
      const next: usize = turned ? 0 - tap : tap;
      const a0 = gather(first, step), a1 = gather(first + next, step), a2 = gather(first + 2 * next, step);
      const b0 = gather(first + 3 * next, step), b1 = gather(first + 4 * next, step), b2 = gather(first + 5 * next, step);
      const c0 = gather(first + 6 * next, step), c1 = gather(first + 7 * next, step), c2 = gather(first + 8 * next, step);
      const e0 = f32x4.mul(f32x4.add(a0, c0), half), e1 = f32x4.mul(f32x4.add(a1, c1), half), e2 = f32x4.mul(f32x4.add(a2, c2), half);
      const o0 = f32x4.mul(b0, half), o1 = f32x4.mul(b1, half), o2 = f32x4.mul(b2, half);
      storeRow(to, plane, a0, a1, a2);
      storeRow(to + 4 * plane, plane, f32x4.add(e0, o0), f32x4.add(e1, o1), f32x4.add(e2, o2));
      storeRow(to + 8 * plane, plane, f32x4.sub(e0, o0), f32x4.sub(e1, o1), f32x4.sub(e2, o2));
      storeRow(to + 12 * plane, plane, c0, c1, c2);
    }
  }
}

/**
 * Bᵀ d of one row of tiles: four rows of [W, K] become a strip of four rows of `width` pixels, of which the first `left` and the last are beyond
 * the border and stay zero. Rows beyond the border are read from `zeros`.
 */
export function transformRows(image: usize, H: i32, W: i32, K: i32, top: i32, left: i32, width: i32, zeros: usize, strip: usize): void {
  const pitch = W * K * 4;
  const r0 = top >= 0 && top < H ? image + top * pitch : zeros;
  const r1 = top + 1 >= 0 && top + 1 < H ? image + (top + 1) * pitch : zeros;
  const r2 = top + 2 >= 0 && top + 2 < H ? image + (top + 2) * pitch : zeros;
  const r3 = top + 3 >= 0 && top + 3 < H ? image + (top + 3) * pitch : zeros;
  const row = width * K * 4;
  const bytes: usize = min(W, width - left) * K * 4;
  const to = strip + left * K * 4;
  for (let i: usize = 0; i < bytes; i += 16) {
    const a = v128.load(r0 + i);
    const b = v128.load(r1 + i);
    const c = v128.load(r2 + i);
    const d = v128.load(r3 + i);
    const at = to + i;
    v128.store(at, f32x4.sub(a, c));
    v128.store(at + row, f32x4.add(b, c));
    v128.store(at + 2 * row, f32x4.sub(c, b));
    v128.store(at + 3 * row, f32x4.sub(b, d));
  }
}

/** (Bᵀ d) B of the tiles of a strip. Tile t, channel k is written at t·tile + k·4, in panels of four channels at (k/4)·panel. */
export function transformTiles(strip: usize, width: i32, K: i32, tw: i32, V: usize, plane: usize, tile: usize, panel: usize): void {
  const pixel = K * 4;
  const row = width * pixel;
  for (let i: usize = 0; i < 4; i++) {
    const to = V + 4 * i * plane;
    for (let t = 0; t < tw; t++) {
      let from = strip + i * row + t * 2 * pixel;
      let at = to + tile * t;
      for (let k = 0; k < K; k += 4) {
        const a = v128.load(from);
        const b = v128.load(from + pixel);
        const c = v128.load(from + 2 * pixel);
        const d = v128.load(from + 3 * pixel);
        v128.store(at, f32x4.sub(a, c));
        v128.store(at + plane, f32x4.add(b, c));
        v128.store(at + 2 * plane, f32x4.sub(c, b));
        v128.store(at + 3 * plane, f32x4.sub(b, d));
        from += 16;
        at += panel;
      }
    }
  }
}

/** y = Aᵀ M A + bias of one row of tiles. `out` is the first pixel; a last row or column beyond the image is not written. */
// prettier-ignore
export function transformOutputs(M: usize, plane: usize, N8: i32, tw: i32, N: i32, Q: i32, second: bool, bias: usize, out: usize): void {
  const pixel = (N * 4);
  const below = Q * pixel;
  for (let t = 0; t < tw; t++) {
    const wide = 2 * t + 1 < Q;
    let m = M + (t * N8 * 4);
    let to = out + 2 * t * pixel;
    for (let n = 0; n < N; n += 4) {
      const shift = bias === 0 ? f32x4.splat(0) : v128.load(bias + (n * 4));
      // M A, row by row
      let a = v128.load(m), b = v128.load(m + plane), c = v128.load(m + 2 * plane), d = v128.load(m + 3 * plane);
      const p0 = f32x4.add(f32x4.add(a, b), c), q0 = f32x4.sub(f32x4.sub(b, c), d);
      a = v128.load(m + 4 * plane); b = v128.load(m + 5 * plane); c = v128.load(m + 6 * plane); d = v128.load(m + 7 * plane);
      const p1 = f32x4.add(f32x4.add(a, b), c), q1 = f32x4.sub(f32x4.sub(b, c), d);
      a = v128.load(m + 8 * plane); b = v128.load(m + 9 * plane); c = v128.load(m + 10 * plane); d = v128.load(m + 11 * plane);
      const p2 = f32x4.add(f32x4.add(a, b), c), q2 = f32x4.sub(f32x4.sub(b, c), d);
      a = v128.load(m + 12 * plane); b = v128.load(m + 13 * plane); c = v128.load(m + 14 * plane); d = v128.load(m + 15 * plane);
      const p3 = f32x4.add(f32x4.add(a, b), c), q3 = f32x4.sub(f32x4.sub(b, c), d);
      v128.store(to, f32x4.add(f32x4.add(f32x4.add(p0, p1), p2), shift));
      if (wide) v128.store(to + pixel, f32x4.add(f32x4.add(f32x4.add(q0, q1), q2), shift));
      if (second) {
        v128.store(to + below, f32x4.add(f32x4.sub(f32x4.sub(p1, p2), p3), shift));
        if (wide) v128.store(to + below + pixel, f32x4.add(f32x4.sub(f32x4.sub(q1, q2), q3), shift));
      }
      m += 16;
      to += 16;
    }
  }
}

/** Z = A ȳ Aᵀ of one row of tiles, in panels of eight channels: tile t at t·32, channel n at (n/8)·panel. Beyond the image ȳ is zero. */
// prettier-ignore
export function transformCotangents(dy: usize, N: i32, Q: i32, tw: i32, second: bool, zeros: usize, Z: usize, plane: usize, panel: usize): void {
  const pixel = (N * 4);
  for (let t = 0; t < tw; t++) {
    const wide = 2 * t + 1 < Q;
    const from = dy + 2 * t * pixel;
    const right = wide ? from + pixel : zeros;
    const under = second ? from + Q * pixel : zeros;
    const last = wide && second ? under + pixel : zeros;
    for (let n = 0; n < N; n += 4) {
      const i = (n * 4);
      const z = Z + t * 32 + panel * (n >> 3) + (n & 4) * 4;
      const a = v128.load(from + i), b = v128.load(right + i), c = v128.load(under + i), d = v128.load(last + i);
      const e = f32x4.add(a, c), f = f32x4.add(b, d), g = f32x4.sub(a, c), h = f32x4.sub(b, d);
      v128.store(z, a); v128.store(z + plane, f32x4.add(a, b)); v128.store(z + 2 * plane, f32x4.sub(a, b)); v128.store(z + 3 * plane, f32x4.neg(b));
      v128.store(z + 4 * plane, e); v128.store(z + 5 * plane, f32x4.add(e, f)); v128.store(z + 6 * plane, f32x4.sub(e, f)); v128.store(z + 7 * plane, f32x4.neg(f));
      v128.store(z + 8 * plane, g); v128.store(z + 9 * plane, f32x4.add(g, h)); v128.store(z + 10 * plane, f32x4.sub(g, h)); v128.store(z + 11 * plane, f32x4.neg(h));
      v128.store(z + 12 * plane, f32x4.neg(c)); v128.store(z + 13 * plane, f32x4.neg(f32x4.add(c, d))); v128.store(z + 14 * plane, f32x4.sub(d, c)); v128.store(z + 15 * plane, d);
    }
  }
}

/** ḡ = Gᵀ Ū G, the adjoint of `transformFilter`; Ū is [16][K][N8] and is spent. */
export function collectFilter(dU: usize, K: i32, N: i32, dg: usize): void {
  const N8 = ceilTo(N, 8);
  const uPlane = skewed(K * N8);
  const half = f32x4.splat(0.5);
  const tap = K * N * 4;
  for (let k = 0; k < K; k++) {
    for (let n = 0; n < N; n += 4) {
      const from = dU + (k * N8 + n) * 4;
      const to = dg + (k * N + n) * 4;
      for (let j: usize = 0; j < 4; j++) {
        const at = from + j * uPlane;
        const a = v128.load(at),
          b = v128.load(at + 4 * uPlane),
          c = v128.load(at + 8 * uPlane),
          d = v128.load(at + 12 * uPlane);
        const plus = f32x4.mul(f32x4.add(b, c), half);
        v128.store(at, f32x4.add(a, plus));
        v128.store(at + 4 * uPlane, f32x4.mul(f32x4.sub(b, c), half));
        v128.store(at + 8 * uPlane, f32x4.add(plus, d));
      }
      for (let i: usize = 0; i < 3; i++) {
        const at = from + 4 * i * uPlane;
        const a = v128.load(at),
          b = v128.load(at + uPlane),
          c = v128.load(at + 2 * uPlane),
          d = v128.load(at + 3 * uPlane);
        const plus = f32x4.mul(f32x4.add(b, c), half);
        v128.store(to + 3 * i * tap, f32x4.add(a, plus));
        v128.store(to + (3 * i + 1) * tap, f32x4.mul(f32x4.sub(b, c), half));
        v128.store(to + (3 * i + 2) * tap, f32x4.add(plus, d));
      }
    }
  }
}
