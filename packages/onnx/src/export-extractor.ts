import { type Tensor } from '@tensorflow/tfjs-core';
import { createNoise, tweedieError, type Extractor } from '@tweedie/core';
import { convert, type Recording } from './convert.ts';
import type { Metadata } from './export-denoiser.ts';
import { createGraph } from './graph.ts';
import { FLOAT } from './schema.ts';
import { traced } from './trace.ts';
import { last } from './values.ts';

/**
 * An extractor as the bytes of an ONNX file: `images` [batch, …shape] in [−1, 1] → `features` [batch, dims], and `logits` where it is a
 * classifier. It must be synchronous: it is recorded on the current engine. @throws with the name of a kernel that cannot be written.
 */
export const exportExtractor = async (extractor: Extractor, shape: readonly number[], metadata: Metadata = {}): Promise<Uint8Array> => {
  const recordings = [await record(extractor, shape, 2, 1), await record(extractor, shape, 3, 2)] as const;
  const graph = createGraph(OUTPUTS);
  const images = graph.input('images', FLOAT, ['batch', ...shape]);
  const results = convert(graph, recordings, [{ shape: [-1, ...shape], dtype: 'float32', last: images }]);
  results.forEach((value, i) => graph.output(OUTPUTS[i]!, last(graph, value), FLOAT, ['batch', value.shape[1]!]));
  return graph.finish(extractor.id, {
    'tweedie.kind': 'extractor',
    'tweedie.extractor': extractor.id,
    'tweedie.shape': JSON.stringify(shape),
    'tweedie.dims': String(extractor.dims),
    'tweedie.logits': String(results[1]?.shape[1] ?? 0),
    ...metadata,
  });
};

const OUTPUTS = ['features', 'logits'] as const;

const record = async (extractor: Extractor, shape: readonly number[], rows: number, seed: number): Promise<Recording> => {
  const images = createNoise(seed).normal([rows, ...shape], { stream: 0 });
  try {
    const trace = await traced(() =>
      [extractor.features(images), extractor.logits?.(images)]
        .filter((result) => result !== undefined)
        .map((result) => {
          if (!(result instanceof Promise)) return result as Tensor;
          throw tweedieError({
            subject: `extractor ${extractor.id}`,
            problem: 'it answers with a promise, and cannot be recorded',
            expected: 'an extractor that computes on the engine at once',
            code: 'ONNX_UNSUPPORTED',
          });
        }),
    );
    return { trace, inputs: [images.id] };
  } finally {
    images.dispose();
  }
};
