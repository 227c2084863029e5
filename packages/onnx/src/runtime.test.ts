import { add, avgPool, clipByValue, concat, conv2d, conv2dTranspose, cos, depthwiseConv2d, exp, image, leakyRelu, matMul, max, maxPool, mean, memory, mul, neg, pad, pow, relu, reshape, round, rsqrt, sigmoid, sin, slice, softmax, softplus, split, square, squaredDifference, sub, sum, tanh, tensor, tidy, tile, transpose, type Rank, type Tensor, type Tensor2D, type Tensor4D } from '@tensorflow/tfjs-core'; // prettier-ignore
import { bindModel, createNoise, edm, edmPreconditioner, epsPreconditioner, guided, scorePreconditioner, subVp, ve, vpCosine, vpDiscrete, vpLinear, vPreconditioner, x0Preconditioner, type Binding, type Extractor, type Levels } from '@tweedie/core'; // prettier-ignore
import { loadCifarnet, loadMnistnet } from '@tweedie/metrics/node';
import { mlp } from '@tweedie/networks';
import { describe, expect, it } from 'vitest';
import { labels, networks, noisy, stirred, withoutRuntime, worst } from '../test/models.ts';
import { exportDenoiser, exportExtractor } from './index.ts';
import { onnxDenoiser, onnxExtractor } from './node.ts';

const numbersOf = async (result: Tensor): Promise<Float32Array> => {
  const numbers = (await result.data()) as Float32Array;
  result.dispose();
  return numbers;
};

it.runIf(withoutRuntime !== undefined)('says what to install where there is no runtime', async () => {
  const network = mlp({ shape: [2], width: 4 });
  const weights = stirred(network);
  const file = await exportDenoiser({ network, weights, schedule: edm(), preconditioner: edmPreconditioner() });
  await expect(onnxDenoiser(file)).rejects.toThrow(/onnxruntime-node cannot be loaded.*npm install onnxruntime-node/s);
  Object.values(weights).forEach((weight) => weight.dispose());
});

describe.skipIf(withoutRuntime !== undefined)(`with ONNX Runtime${withoutRuntime === undefined ? '' : ` (${withoutRuntime})`}`, () => {
  /** Greatest difference of the denoiser from the model's over levels, batches and labels, over what a number of float32 is there. */
  const disagreement = async (binding: Binding, levels: readonly number[]): Promise<number> => {
    const { network } = binding;
    const model = bindModel(binding);
    const session = await onnxDenoiser(await exportDenoiser(binding));
    const before = memory().numTensors;
    let most = 0;
    for (const rho of levels)
      for (const rows of [1, 2, 5]) {
        const y = noisy(network, rows, rho);
        for (const label of [undefined, labels(network, rows)]) {
          const each: Levels = rows === 5 ? Float64Array.from({ length: 5 }, (_, i) => rho * (1 + i / 10)) : rho;
          const [ours, theirs] = [await numbersOf(model.denoise(y, each, label)), await numbersOf(await session.denoise(y, each, label))];
          const scale = ours.reduce((largest, x) => Math.max(largest, Math.abs(x)), 1);
          most = Math.max(most, worst(ours, theirs) / scale);
          label?.dispose();
        }
        y.dispose();
      }
    expect(memory().numTensors).toBe(before);
    await session.dispose();
    return most;
  };
  const withWeights = async <T>(binding: Omit<Binding, 'weights'>, work: (binding: Binding) => Promise<T>): Promise<T> => {
    const weights = stirred(binding.network);
    try {
      return await work({ ...binding, weights });
    } finally {
      Object.values(weights).forEach((weight) => weight.dispose());
    }
  };

  it.each(networks)('%s agrees to 1e-5 from σ = 0.002 to 80, in every batch, with and without labels', async (_name, make) => {
    const binding = { network: make(), schedule: edm(), preconditioner: edmPreconditioner({ sigmaData: 0.6 }) };
    expect(await withWeights(binding, (whole) => disagreement(whole, [0.002, 0.05, 0.6, 5, 80]))).toBeLessThan(1e-5);
  });

  const schedules = [edm(), ve(), vpLinear(), subVp(), vpCosine(), vpDiscrete()];
  const heads = [edmPreconditioner({ sigmaData: 0.6 }), epsPreconditioner(), x0Preconditioner(), scorePreconditioner(), vPreconditioner()];
  it.each(
    schedules.flatMap((schedule) => heads.map((preconditioner) => [preconditioner.id, schedule.id, { schedule, preconditioner }] as const)),
  )('the head %s agrees under %s', async (_head, _schedule, parts) => {
    const { tMin, tMax, rho } = parts.schedule;
    const binding = { network: mlp({ shape: [2], classes: 3, width: 16 }), ...parts };
    const levels = [0.01, 0.4, 0.99].map((share) => rho(tMin + share * (tMax - tMin)));
    expect(await withWeights(binding, (whole) => disagreement(whole, levels))).toBeLessThan(1e-5);
  });

  it('can be guided, and refuses other shapes, labels and levels', async () => {
    const network = mlp({ shape: [2], classes: 3 });
    const binding = { network, schedule: edm(), preconditioner: edmPreconditioner() };
    await withWeights(binding, async (whole) => {
      const session = await onnxDenoiser(await exportDenoiser(whole, { of: 'me' }), { threads: 1 });
      expect([session.classes, session.shape, session.metadata.get('of')]).toEqual([3, [2], 'me']);
      const [y, label, other] = [noisy(network, 4, 1), labels(network, 4)!, tensor([[1, 2, 3]])];
      const scale = 2.5;
      const before = memory().numTensors;
      const ours = await numbersOf((await guided(bindModel(whole).denoise, { scale })(y, 1, label)) as Tensor);
      expect(worst(ours, await numbersOf(await guided(session.denoise, { scale })(y, 1, label)))).toBeLessThan(1e-5);
      await expect(session.denoise(other, 1)).rejects.toThrow('the data have another shape than the file: got [3], expected [2]');
      await expect(session.denoise(y, 1, other as Tensor2D)).rejects.toThrow('the labels have another shape');
      await expect(session.denoise(y, Float64Array.of(1, 2))).rejects.toThrow('not one noise level a row: got 2, expected 4 levels');
      await expect(session.denoise(y, 0)).rejects.toThrow('row 0 asks for a noise level that no network is trained at');
      expect(memory().numTensors).toBe(before);
      [y, label, other].forEach((each) => each.dispose());
      await session.dispose();
    });
  });

  it.each([
    [loadMnistnet, [28, 28, 1], 64],
    [loadCifarnet, [32, 32, 3], 256],
  ] as const)('an extractor agrees, and says who it is', async (load, shape, dims) => {
    const extractor = await load();
    const session = await onnxExtractor(await exportExtractor(extractor, shape));
    expect([session.id, session.dims]).toEqual([extractor.id, dims]);
    const images = mul(createNoise(1).normal([7, ...shape], { stream: 1 }), 0.5);
    const before = memory().numTensors;
    for (const of of ['features', 'logits'] as const) {
      const ours = await numbersOf(await extractor[of]!(images));
      const scale = ours.reduce((largest, x) => Math.max(largest, Math.abs(x)), 1);
      expect(worst(ours, await numbersOf(await session[of]!(images))) / scale).toBeLessThan(1e-5);
    }
    expect(memory().numTensors).toBe(before);
    await expect(onnxDenoiser(await exportExtractor(extractor, shape))).rejects.toThrow('this is no denoiser of ours: got extractor');
    images.dispose();
    await session.dispose();
  });

  /** A constant, as weights are. */
  const filter = (...shape: [number, number, number, number]): Tensor4D =>
    tensor<Rank.R4>(
      Float32Array.from(createNoise(2).hostNormal(shape, { stream: 1 }), (z) => 0.3 * z),
      shape,
    );
  const conv = (x: Tensor4D): Tensor4D => conv2d(x, filter(3, 2, 3, 4), 1, 'same');
  /** Of images [B, 6, 5, 3]; in each the layout changes where a careless axis would show. */
  const kernels: Readonly<Record<string, (x: Tensor4D) => Tensor>> = {
    'same padding at stride 2': (x) => conv2d(x, filter(3, 3, 3, 4), 2, 'same'),
    dilation: (x) => conv2d(x, filter(2, 2, 3, 4), 1, 'valid', 'NHWC', 2),
    'a depthwise multiplier': (x) => depthwiseConv2d(x, filter(3, 3, 3, 2), 1, 'same'),
    'a transposed convolution': (x) => conv2dTranspose(x, filter(3, 3, 4, 3), [x.shape[0], 12, 10, 4], 2, 'same'),
    'another one': (x) => conv2dTranspose(x, filter(4, 3, 2, 3), [x.shape[0], 15, 11, 2], 2, 'valid'),
    'filters that are computed': (x) =>
      concat(
        [depthwiseConv2d(x, mul<Tensor4D>(filter(3, 3, 3, 2), 2), 1, 'same'), conv2d(x, mul<Tensor4D>(filter(1, 1, 3, 2), 2), 1, 'same')],
        3,
      ),
    'average of parts': (x) => avgPool(x, [2, 3], 2, 'valid'),
    'greatest of parts': (x) => maxPool(x, 2, 1, 'valid'),
    'nearest pixels': (x) => image.resizeNearestNeighbor(x, [12, 10]),
    'bilinear, half pixels': (x) => image.resizeBilinear(x, [9, 7], false, true),
    'bilinear, from the left': (x) => image.resizeBilinear(x, [13, 11]),
    'fewer pixels': (x) => image.resizeNearestNeighbor(x, [4, 3]),
    'bilinear, corners': (x) => image.resizeBilinear(x, [9, 7], true),
    'channels after a convolution': (x) => split(conv(x), [1, 3], 3)[1]!,
    'rows after a convolution': (x) => slice(conv(x), [0, 1, 2, 1], [-1, 3, 2, 2]),
    'joined with the input': (x) => concat([x, conv(x)], 3),
    'joined in height': (x) => concat([conv(x), conv(neg(x))], 1),
    'padded': (x) => pad(conv(x), [[0, 0], [1, 2], [0, 3], [2, 0]], 0.5), // prettier-ignore
    tiled: (x) => tile(conv(x), [1, 2, 1, 3]),
    'mean over pixels': (x) => mean(conv(x), [1, 2]),
    'sum over width, kept': (x) => sum(conv(x), 2, true),
    'greatest over height': (x) => max(conv(x), 1),
    'sum over channels': (x) => sum(conv(x), -1),
    transposed: (x) => transpose(conv(x), [0, 2, 3, 1]),
    'softmax of channels': (x) => softmax(conv(x)),
    'a vector for the channels': (x) => mul(conv(x), tensor([1, -2, 3, 0.5])),
    'a matrix for width and channels': (x) => mul(conv(x), createNoise(4).normal([5, 4], { stream: 1 })),
    'products with transposed sides': (x) => {
      const rows = reshape<Rank.R3>(x, [-1, 10, 9]);
      return matMul(rows, rows, true, false);
    },
    activations: (x) => concat([relu(x), sigmoid(x), tanh(x), softplus(x), leakyRelu(x, 0.3), exp(x)], 3),
    curves: (x) => concat([sin(mul(x, 50)), cos(mul(x, 50)), rsqrt(add(pow(x, 2), 1))], 3),
    steps: (x) => concat([round(mul(x, 3)), clipByValue(x, -0.5, 0.25), square(x), squaredDifference(x, sub(1, x))], 3),
  };
  it.each(Object.entries(kernels))('%s', async (_name, f) => {
    const flat: Extractor['features'] = (images) => tidy(() => { const out = f(images as Tensor4D); return reshape(out, [images.shape[0]!, -1]) as Tensor2D; }); // prettier-ignore
    const images = createNoise(9).normal([4, 6, 5, 3], { stream: 1 });
    const expected = await numbersOf(await flat(images));
    const session = await onnxExtractor(await exportExtractor({ id: 'f', dims: expected.length / 4, features: flat }, [6, 5, 3]));
    expect(worst(await numbersOf(await session.features(images)), expected)).toBeLessThan(1e-5);
    images.dispose();
    await session.dispose();
  });
});
