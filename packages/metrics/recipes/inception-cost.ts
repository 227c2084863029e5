import { argv, cpuUsage, memoryUsage, stdout } from 'node:process';
import { tensor4d } from '@tensorflow/tfjs-core';
import { selectEngine } from '@tweedie/backend';
import { cifar10 } from '@tweedie/data';
import { loadInception } from '@tweedie/metrics/node';

/**
 * What a picture costs: seconds and memory of the Inception network for 100 test images of CIFAR-10, on the engine of `TWEEDIE_BACKEND`.
 *
 *     node packages/metrics/out-tsc/recipes/inception-cost.js FILE [images]
 *
 * The weights need not be the real ones (test/inception/inception.py writes some that are no one's).
 */
const [, , file = '', images = '100'] = argv;
const count = Number(images);
const engine = await selectEngine();
const extractor = await loadInception(file);
const { images: values } = (await cifar10({ split: 'test', fetch: true })).rows(Array.from({ length: count }, (_, i) => i));
const batch = tensor4d(values, [count, 32, 32, 3]);

const [start, used] = [performance.now(), cpuUsage()];
const features = await extractor.features(batch);
await features.data();
const { user, system } = cpuUsage(used);
const seconds = (performance.now() - start) / 1e3;
stdout.write(
  `${engine.id} ${extractor.id}: ${seconds.toFixed(1)} s for ${count} images, ${((user + system) / 1e6).toFixed(1)} s of processor time, ` +
    `${(memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB resident\n`,
);
