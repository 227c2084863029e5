// Denoisers and extractors that ONNX Runtime carries out. It is no engine: tensors still live on the one of TensorFlow.js.
import { tensor, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { tweedieError, type Denoiser, type Extractor } from '@tweedie/core';
import { open, type RuntimeOptions } from './runtime.ts';

export type { RuntimeOptions } from './runtime.ts';

/** A denoiser for samplers; it has no gradients. `dispose` when nobody will call it again. */
export interface OnnxDenoiser {
  readonly denoise: Denoiser;
  readonly shape: readonly number[];
  /** Number of classes, 0 if unconditional. */
  readonly classes: number;
  /** What the file says of itself: network, schedule, parametrisation, what the exporter was given. */
  readonly metadata: ReadonlyMap<string, string>;
  dispose(): Promise<void>;
}

/** The denoiser in the bytes of a file that `exportDenoiser` wrote. @throws where they are another file, or onnxruntime-node is not installed. */
export const onnxDenoiser = async (file: Uint8Array, options?: RuntimeOptions): Promise<OnnxDenoiser> => {
  const { metadata, shape, run, dispose } = await open(file, 'denoiser', options);
  const classes = Number(metadata.get('tweedie.classes'));
  const denoise: Denoiser = async (y, rho, label) => {
    const rows = checkRows(y, shape);
    const sigma = typeof rho === 'number' ? Float64Array.of(rho) : rho;
    checkLevels(sigma, rows);
    if (label !== undefined && (label.shape[0] !== rows || label.shape[1] !== classes))
      throw tweedieError({ subject, problem: 'the labels have another shape', got: label.shape, expected: `[${rows}, ${classes}]` });
    const [data, hot] = await Promise.all([y.data(), label?.data() ?? new Float32Array(rows * classes)]);
    const x0 = await run(
      {
        y: { data: data as Float32Array, dims: y.shape },
        sigma: { data: sigma, dims: [sigma.length] },
        ...(classes === 0 ? {} : { label: { data: hot as Float32Array, dims: [rows, classes] } }),
      },
      'x0',
    );
    return tensor(x0, y.shape);
  };
  return Object.freeze<OnnxDenoiser>({ denoise, shape, classes, metadata, dispose });
};

/** An extractor that ONNX Runtime carries out, with the id of the one that was exported. */
export interface OnnxExtractor extends Extractor {
  dispose(): Promise<void>;
}

/** The extractor in the bytes of a file that `exportExtractor` wrote. @throws like {@link onnxDenoiser}. */
export const onnxExtractor = async (file: Uint8Array, options?: RuntimeOptions): Promise<OnnxExtractor> => {
  const { metadata, shape, run, dispose } = await open(file, 'extractor', options);
  const [dims, classes] = [Number(metadata.get('tweedie.dims')), Number(metadata.get('tweedie.logits'))];
  const of = async (images: Tensor, output: string, width: number): Promise<Tensor2D> => {
    const rows = checkRows(images, shape);
    const data = (await images.data()) as Float32Array;
    return tensor(await run({ images: { data, dims: images.shape } }, output), [rows, width]);
  };
  return Object.freeze<OnnxExtractor>({
    id: metadata.get('tweedie.extractor')!,
    dims,
    features: (images) => of(images, 'features', dims),
    ...(classes === 0 ? {} : { logits: (images: Tensor) => of(images, 'logits', classes) }),
    dispose,
  });
};

const subject = 'onnx';

const checkRows = ({ shape: [rows, ...got] }: Tensor, shape: readonly number[]): number => {
  if (got.join() === shape.join()) return rows!;
  throw tweedieError({ subject, problem: 'the data have another shape than the file', got, expected: `[${shape.join(', ')}]` });
};

const checkLevels = (levels: Float64Array, rows: number): void => {
  if (levels.length !== 1 && levels.length !== rows)
    throw tweedieError({ subject, problem: 'not one noise level a row', got: levels.length, expected: `${rows} levels` });
  const bad = levels.findIndex((rho) => !(rho > 0 && Number.isFinite(rho)));
  if (bad >= 0)
    throw tweedieError({
      subject,
      problem: `row ${bad} asks for a noise level that no network is trained at`,
      got: levels[bad],
      expected: 'a finite ρ > 0',
    });
};
