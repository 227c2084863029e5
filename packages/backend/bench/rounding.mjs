/**
 * How far the 3×3 convolutions of an engine are from float64: `npm run rounding -w @tweedie/backend [engine…]`, after a build.
 * The largest error relative to the largest element, on normal numbers.
 */
import { engine, randomNormal } from '@tensorflow/tfjs-core';
import { selectEngine } from '../dist/index.js';

/** y = x ⊛ f, dx and df of a cotangent dy, from the definition. */
const exactly = ([B, H, K, N], x, f, dy) => {
  const [y, dx, df] = [dy, x, f].map(({ length }) => new Float64Array(length));
  for (let at = 0; at < B * H * H * 9; at++) {
    const [tap, q, p, b] = [at % 9, Math.floor(at / 9) % H, Math.floor(at / 9 / H) % H, Math.floor(at / 9 / H / H)];
    const [u, v] = [p + Math.floor(tap / 3) - 1, q + (tap % 3) - 1];
    if (u < 0 || u >= H || v < 0 || v >= H) continue;
    const [from, to] = [((b * H + u) * H + v) * K, ((b * H + p) * H + q) * N];
    for (let k = 0; k < K; k++)
      for (let n = 0; n < N; n++) {
        const filter = (tap * K + k) * N + n;
        y[to + n] += x[from + k] * f[filter];
        dx[from + k] += dy[to + n] * f[filter];
        df[filter] += x[from + k] * dy[to + n];
      }
  }
  return [y, dx, df];
};

const attributes = { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1 };
const engines = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['wasm'];
for (const name of engines) {
  await selectEngine({ engine: name });
  for (const shape of [
    [64, 14, 32, 32],
    [64, 7, 64, 64],
    [4, 16, 128, 128],
  ]) {
    const [B, H, K, N] = shape;
    const filterShape = [3, 3, K, N];
    const [x, filter, dy] = [[B, H, H, K], filterShape, [B, H, H, N]].map((each, seed) => randomNormal(each, 0, 1, 'float32', seed + 1));
    const exact = exactly(shape, await x.data(), await filter.data(), await dy.data());
    const computed = [
      engine().runKernel('Conv2D', { x, filter }, attributes),
      engine().runKernel('Conv2DBackpropInput', { dy, filter }, { ...attributes, inputShape: x.shape }),
      engine().runKernel('Conv2DBackpropFilter', { x, dy }, { ...attributes, filterShape }),
    ];
    const errors = await Promise.all(
      computed.map(async (tensor, i) => {
        const data = await tensor.data();
        const largest = (of) => exact[i].reduce((m, value, at) => Math.max(m, Math.abs(of(value, at))), 0);
        return (largest((value, at) => value - data[at]) / largest((value) => value)).toExponential(1);
      }),
    );
    console.log(`${name} [${[B, H, H, K]}] ⊛ 3×3→${N}: forward ${errors[0]}, input gradient ${errors[1]}, filter gradient ${errors[2]}`);
  }
}
