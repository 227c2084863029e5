/** How the sixteen matrices of a block of tiles lie in the scratch memory. */

/** Tiles in a block, if a row of tiles is not longer. */
const TILES: i32 = 48;

export function ceilTo(n: i32, multiple: i32): i32 {
  return ((n + multiple - 1) / multiple) * multiple;
}

/** Rows of `tw` tiles that make a block. */
export function rowsOf(tw: i32): i32 {
  return max(1, TILES / tw);
}

/** Bytes from one of the sixteen matrices to the next: a cache line more than they need, for otherwise all sixteen fall on the same lines of the cache. */
export function skewed(floats: i32): usize {
  return floats * 4 + 64;
}

/** Bytes from one matrix [tiles of a block, width] to the next. */
export function planeOf(tw: i32, width: i32): usize {
  return skewed(ceilTo(rowsOf(tw) * tw, 4) * width);
}
