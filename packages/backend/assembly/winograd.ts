/**
 * Convolutions with 3×3 filters by Winograd's F(2×2, 3×3) (A. Lavin, S. Gray, 1509.09308) on the heap of TensorFlow.js's WASM engine.
 *
 * A tile of 2×2 outputs reads 4×4 inputs d. With
 *
 *      ⎡1  0 −1  0⎤       ⎡1  0  0⎤
 * Bᵀ = ⎢0  1  1  0⎥   G = ⎢½  ½  ½⎥   Aᵀ = ⎡1  1  1  0⎤
 *      ⎢0 −1  1  0⎥       ⎢½ −½  ½⎥        ⎣0  1 −1 −1⎦
 *      ⎣0  1  0 −1⎦       ⎣0  0  1⎦
 *
 * V = Bᵀ d B, U = G g Gᵀ and y = Aᵀ (Σ_c U ⊙ V) A: 16 products of matrices [tiles, K]·[K, N] where there were 36 in effect.
 * The gradient of the filter is the adjoint: ḡ = Gᵀ (Σ_tiles V ⊙ A ȳ Aᵀ) G.
 *
 * Rows of tiles are worked off in blocks that stay in the cache. What a tile undergoes does not depend on where it stands in a block, and
 * sums over tiles run in their order. Nothing is allocated here: `scratchBytes` says how much the caller has to lend.
 * Channels are multiples of four.
 */

import { ceilTo, planeOf, rowsOf, skewed } from './layout';
import { accumulateProducts, products } from './products';
import { collectFilter, transformCotangents, transformFilter, transformOutputs, transformRows, transformTiles } from './transforms';

export { multiply } from './products';

/** Bytes that both need: U or its gradient, V, M or Z, a strip of four rows, a row of zeros. */
export function scratchBytes(W: i32, K: i32, N: i32, Q: i32): usize {
  const tw = (Q + 1) / 2;
  const N8 = ceilTo(N, 8);
  return 16 * (skewed(K * N8) + planeOf(tw, K) + planeOf(tw, N8)) + (4 * (2 * tw + 2) * K + max(W * K, N)) * 4;
}

/**
 * y[b, p, q, n] = bias[n] + Σ_{i, j, k} x[b, p + i − top, q + j − left, k] · g[i, j, k, n], for all p < P and q < Q; x is zero beyond its border.
 * `bias` may be 0. `turned`: see `transformFilter`.
 */
export function convolve(
  x: usize,
  B: i32,
  H: i32,
  W: i32,
  K: i32,
  g: usize,
  turned: bool,
  N: i32,
  top: i32,
  left: i32,
  P: i32,
  Q: i32,
  bias: usize,
  y: usize,
  scratch: usize,
): void {
  const th = (P + 1) / 2,
    tw = (Q + 1) / 2,
    N8 = ceilTo(N, 8),
    width = 2 * tw + 2;
  const rows = rowsOf(tw);
  const vPlane = planeOf(tw, K),
    mPlane = planeOf(tw, N8);
  const uPlane = skewed(K * N8);
  const U = scratch;
  const V = U + 16 * uPlane;
  const M = V + 16 * vPlane;
  const strip = M + 16 * mPlane;
  const zeros = strip + 16 * width * K;
  transformFilter(g, K, N, turned, U);
  memory.fill(V, 0, 16 * vPlane);
  memory.fill(strip, 0, (4 * width + W) * K * 4);
  const all = B * th;
  for (let first = 0; first < all; first += rows) {
    const last = min(all, first + rows);
    for (let r = first; r < last; r++) {
      transformRows(x + (r / th) * (H * W * K * 4), H, W, K, 2 * (r % th) - top, left, width, zeros, strip);
      transformTiles(strip, width, K, tw, V + (r - first) * tw * K * 4, vPlane, K * 4, 16);
    }
    products(V, vPlane, U, uPlane, K, N8, (last - first) * tw, M, mPlane);
    for (let r = first; r < last; r++) {
      const p = 2 * (r % th);
      const to = y + ((r / th) * P + p) * (Q * N * 4);
      transformOutputs(M + (r - first) * tw * N8 * 4, mPlane, N8, tw, N, Q, p + 1 < P, bias, to);
    }
  }
}

/** ḡ[i, j, k, n] = Σ_{b, p, q} x[b, p + i − top, q + j − left, k] · ȳ[b, p, q, n] */
export function filterGradient(
  x: usize,
  B: i32,
  H: i32,
  W: i32,
  K: i32,
  dy: usize,
  N: i32,
  top: i32,
  left: i32,
  P: i32,
  Q: i32,
  dg: usize,
  scratch: usize,
): void {
  const th = (P + 1) / 2,
    tw = (Q + 1) / 2,
    N8 = ceilTo(N, 8),
    width = 2 * tw + 2;
  const rows = rowsOf(tw);
  const vPlane = planeOf(tw, K),
    zPlane = planeOf(tw, N8);
  const aPanel = ceilTo(rows * tw, 4) * 16,
    bPanel = aPanel * 2;
  const dU = scratch,
    uPlane = skewed(K * N8);
  const V = dU + 16 * uPlane;
  const Z = V + 16 * vPlane;
  const strip = Z + 16 * zPlane;
  const zeros = strip + 16 * width * K;
  memory.fill(dU, 0, 16 * uPlane);
  memory.fill(Z, 0, 16 * zPlane);
  memory.fill(strip, 0, (4 * width * K + max(W * K, N)) * 4);
  const all = B * th;
  for (let first = 0; first < all; first += rows) {
    const last = min(all, first + rows);
    const tiles = (last - first) * tw;
    for (let r = first; r < last; r++) {
      const at = (r - first) * tw;
      const p = 2 * (r % th);
      transformRows(x + (r / th) * (H * W * K * 4), H, W, K, p - top, left, width, zeros, strip);
      transformTiles(strip, width, K, tw, V + at * 16, vPlane, 16, aPanel);
      const from = dy + ((r / th) * P + p) * (Q * N * 4);
      transformCotangents(from, N, Q, tw, p + 1 < P, zeros, Z + at * 32, zPlane, bPanel);
    }
    accumulateProducts(V, vPlane, aPanel, Z, zPlane, K, N8, tiles, dU, uPlane);
  }
  collectFilter(dU, K, N, dg);
}
