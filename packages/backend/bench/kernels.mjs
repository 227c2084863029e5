/**
 * What the kernels of training cost on an engine: `npm run bench -w @tweedie/backend [engine…]`, after a build.
 * CPU time of this process, lower quartile of repeated runs: it does not depend on what else the machine does, as the clock on the wall would.
 */
import { engine, randomNormal, reshape, sum, tidy, conv2d, matMul, broadcastTo } from '@tensorflow/tfjs-core';
import { selectEngine } from '../dist/index.js';

const cost = (f, runs) => {
  const times = Array.from({ length: runs + 1 }, () => {
    const start = process.cpuUsage();
    const y = tidy(f);
    if (engine().backendName !== 'wasm') y.dataSync();
    const { user, system } = process.cpuUsage(start);
    y.dispose();
    return (user + system) / 1000;
  });
  return times.slice(1).sort((a, b) => a - b)[Math.floor(runs / 4)];
};

const conv = (name, inputs, attributes) =>
  engine().runKernel(name, inputs, { strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1, ...attributes });

const cases = () => {
  const rows = [];
  for (const [batch, side, channels, left = channels] of [
    [32, 28, 32],
    [64, 14, 32],
    [64, 7, 64],
    [64, 14, 4, 32],
    [4, 32, 64],
    [4, 32, 128],
    [4, 16, 128],
    [1, 14, 32],
  ]) {
    const shape = [batch, side, side, channels];
    const filterShape = [3, 3, channels, left];
    const [x, dy, filter] = [randomNormal(shape), randomNormal([batch, side, side, left]), randomNormal(filterShape)];
    const label = `[${shape}] ⊛ 3×3→${left}`;
    rows.push([`${label}: forward`, () => conv2d(x, filter, 1, 'same')]);
    rows.push([`${label}: filter gradient`, () => conv('Conv2DBackpropFilter', { x, dy }, { filterShape })]);
    rows.push([`${label}: input gradient`, () => conv('Conv2DBackpropInput', { dy, filter }, { inputShape: shape })]);
  }
  const [a, stack, transposed] = [randomNormal([512, 512]), randomNormal([64, 196, 32]), randomNormal([64, 32, 196])];
  rows.push(['matMul 512³', () => matMul(a, a)]);
  rows.push(['matMul 512³, a transposed', () => matMul(a, a, true)]);
  rows.push(['matMul 64 × [196, 32]·[32, 196]', () => matMul(stack, transposed)]);
  const bias = randomNormal([64, 14, 14, 32]);
  rows.push(['sum [64,14,14,32] over 0, 1, 2', () => sum(bias, [0, 1, 2])]);
  rows.push(['broadcast [64,1,32] → [64,196,32]', () => broadcastTo(reshape(randomNormal([64, 32]), [64, 1, 32]), [64, 196, 32])]);
  return rows;
};

const engines = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['wasm'];
for (const name of engines) {
  const report = await selectEngine({ engine: name });
  console.log(`\n${report.id} ${report.version} (${report.about}), Node ${process.versions.node}: milliseconds of CPU`);
  for (const [label, f] of cases())
    console.log(
      `${label.padEnd(44)} ${cost(f, name === 'cpu' ? 2 : 20)
        .toFixed(1)
        .padStart(9)}`,
    );
}
