import { matMul, tensor2d, tidy } from '@tensorflow/tfjs-core';

/** Rows of a block of the first, and of the second, that the engine multiplies at once. */
const [BLOCK, COLUMNS] = [256, 10_000];

/**
 * ⟨aᵢ, bⱼ⟩ of the rows of two sets, a row of `a` with up to 10 000 rows of `b` at a time: `use(i, j₀, products with bⱼ₀, bⱼ₀₊₁, …)`.
 * Every i comes with j₀ ascending. The products are the engine's, float32.
 */
export const eachProduct = async (
  a: Float32Array,
  b: Float32Array,
  width: number,
  use: (row: number, first: number, products: Float32Array) => void,
): Promise<void> => {
  const [n, m] = [a.length / width, b.length / width];
  for (let column = 0; column < m; column += COLUMNS) {
    const columns = Math.min(COLUMNS, m - column);
    const others = tensor2d(b.subarray(column * width, (column + columns) * width), [columns, width]);
    try {
      for (let first = 0; first < n; first += BLOCK) {
        const rows = Math.min(BLOCK, n - first);
        const product = tidy(() => matMul(tensor2d(a.subarray(first * width, (first + rows) * width), [rows, width]), others, false, true));
        const values = (await product.data()) as Float32Array;
        product.dispose();
        for (let row = 0; row < rows; row++) use(first + row, column, values.subarray(row * columns, (row + 1) * columns));
      }
    } finally {
      others.dispose();
    }
  }
};
