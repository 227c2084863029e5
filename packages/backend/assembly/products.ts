/** Products of small matrices, sixteen at a time. Four rows by eight columns stay in registers; to take two steps a turn would make V8 spill them. */

/** c[4][8] = Σ_k a[k] b[k]: a's rows are `row` bytes apart and contiguous in k, b is a panel [K][8]. */
// prettier-ignore
function block(a: usize, row: usize, b: usize, K: i32, c: usize, pitch: usize): void {
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0);
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0);
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0);
  let s30 = f32x4.splat(0), s31 = f32x4.splat(0);
  let a1 = a + row, a2 = a1 + row, a3 = a2 + row;
  const end = a + (K * 4);
  while (a < end) {
    const p = v128.load(b), q = v128.load(b, 16);
    let r = v128.load32_splat(a);
    s00 = f32x4.add(s00, f32x4.mul(r, p)); s01 = f32x4.add(s01, f32x4.mul(r, q));
    r = v128.load32_splat(a1);
    s10 = f32x4.add(s10, f32x4.mul(r, p)); s11 = f32x4.add(s11, f32x4.mul(r, q));
    r = v128.load32_splat(a2);
    s20 = f32x4.add(s20, f32x4.mul(r, p)); s21 = f32x4.add(s21, f32x4.mul(r, q));
    r = v128.load32_splat(a3);
    s30 = f32x4.add(s30, f32x4.mul(r, p)); s31 = f32x4.add(s31, f32x4.mul(r, q));
    a += 4; a1 += 4; a2 += 4; a3 += 4; b += 32;
  }
  v128.store(c, s00); v128.store(c, s01, 16); c += pitch;
  v128.store(c, s10); v128.store(c, s11, 16); c += pitch;
  v128.store(c, s20); v128.store(c, s21, 16); c += pitch;
  v128.store(c, s30); v128.store(c, s31, 16);
}

/** M = V·U, sixteen times. */
export function products(V: usize, vPlane: usize, U: usize, uPlane: usize, K: i32, N8: i32, tiles: i32, M: usize, mPlane: usize): void {
  const row = K * 4;
  const pitch = N8 * 4;
  for (let xi: usize = 0; xi < 16; xi++) {
    const a = V + xi * vPlane;
    const c = M + xi * mPlane;
    let panel = U + xi * uPlane;
    for (let n = 0; n < N8; n += 8) {
      for (let t = 0; t < tiles; t += 4) block(a + row * t, row, panel, K, c + pitch * t + n * 4, pitch);
      panel += K * 32;
    }
  }
}

/** c[4][8] += Σ_t a[t] b[t]: panels a of [tiles][4] and b of [tiles][8]. */
// prettier-ignore
function accumulate(a: usize, b: usize, tiles: i32, c: usize, pitch: usize): void {
  const c1 = c + pitch, c2 = c1 + pitch, c3 = c2 + pitch;
  let s00 = v128.load(c), s01 = v128.load(c, 16);
  let s10 = v128.load(c1), s11 = v128.load(c1, 16);
  let s20 = v128.load(c2), s21 = v128.load(c2, 16);
  let s30 = v128.load(c3), s31 = v128.load(c3, 16);
  const end = a + (tiles * 16);
  while (a < end) {
    const p = v128.load(b), q = v128.load(b, 16);
    let r = v128.load32_splat(a);
    s00 = f32x4.add(s00, f32x4.mul(r, p)); s01 = f32x4.add(s01, f32x4.mul(r, q));
    r = v128.load32_splat(a, 4);
    s10 = f32x4.add(s10, f32x4.mul(r, p)); s11 = f32x4.add(s11, f32x4.mul(r, q));
    r = v128.load32_splat(a, 8);
    s20 = f32x4.add(s20, f32x4.mul(r, p)); s21 = f32x4.add(s21, f32x4.mul(r, q));
    r = v128.load32_splat(a, 12);
    s30 = f32x4.add(s30, f32x4.mul(r, p)); s31 = f32x4.add(s31, f32x4.mul(r, q));
    a += 16; b += 32;
  }
  v128.store(c, s00); v128.store(c, s01, 16);
  v128.store(c1, s10); v128.store(c1, s11, 16);
  v128.store(c2, s20); v128.store(c2, s21, 16);
  v128.store(c3, s30); v128.store(c3, s31, 16);
}

/** Ū += Vᵀ·Z, sixteen times: V in panels of four channels, Z in panels of eight. */
export function accumulateProducts(
  V: usize,
  vPlane: usize,
  aPanel: usize,
  Z: usize,
  zPlane: usize,
  K: i32,
  N8: i32,
  tiles: i32,
  dU: usize,
  uPlane: usize,
): void {
  for (let xi: usize = 0; xi < 16; xi++) {
    for (let n = 0; n < N8; n += 8) {
      const b = Z + xi * zPlane + aPanel * 2 * (n >> 3);
      let c = dU + xi * uPlane + n * 4;
      for (let k = 0; k < K; k += 4) {
        accumulate(V + xi * vPlane + aPanel * (k >> 2), b, tiles, c, N8 * 4);
        c += 16 * N8;
      }
    }
  }
}

/**
 * c = a·b for each of `count` pairs, [m, k]·[k, n], with m ≥ 4 and n ≥ 8. Where m is no multiple of four or n none of eight, the last rows or columns are
 * computed with their neighbours before them, to the same bits a second time. `panel` lends k·32 bytes.
 */
export function multiply(a: usize, b: usize, count: i32, m: i32, k: i32, n: i32, c: usize, panel: usize): void {
  const pitch = n * 4;
  for (let pair = 0; pair < count; pair++) {
    for (let j = 0; j < n; j += 8) {
      const column = min(j, n - 8) * 4;
      for (let l = 0; l < k; l++) {
        const from = b + l * pitch + column;
        v128.store(panel + l * 32, v128.load(from));
        v128.store(panel + l * 32, v128.load(from, 16), 16);
      }
      for (let i = 0; i < m; i += 4) {
        const row = min(i, m - 4);
        block(a + row * k * 4, k * 4, panel, k, c + row * pitch + column, pitch);
      }
    }
    a += m * k * 4;
    b += k * pitch;
    c += m * pitch;
  }
}
