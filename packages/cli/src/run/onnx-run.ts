import { tweedieError, type Extractor, type Json } from '@tweedie/core';
import { canonicalJson } from '@tweedie/core/node';
import type { OnnxDenoiser, OnnxExtractor } from '@tweedie/onnx/node';
import { versions } from './provenance.ts';
import type { BoundRun, OpenedRun } from './open-run.ts';

/** What carries out a network that needs no gradients: the engine, or a session of ONNX Runtime, where it is installed. */
export type Runtime = 'engine' | 'onnx';

export const runtimeOf = (name: string | undefined): Runtime => {
  if (name === undefined || name === 'engine' || name === 'onnx') return name ?? 'engine';
  throw tweedieError({ subject: '--runtime', problem: 'there is no such runtime', got: name, expected: 'engine or onnx' });
};

/** A run's denoiser as ONNX, with all that the run says of itself. */
export const exportRun = async ({ weights, config }: OpenedRun, { binding }: Pick<BoundRun, 'binding'>): Promise<Uint8Array> => {
  const { exportDenoiser } = await import('@tweedie/onnx');
  return exportDenoiser(binding, {
    'tweedie.modelHash': weights.modelHash,
    'tweedie.experiment': canonicalJson(config as unknown as Json),
    'tweedie.versions': JSON.stringify(versions()),
  });
};

/** A run's denoiser as a session. `dispose` it. */
export const onnxRun = async (opened: OpenedRun, bound: BoundRun): Promise<OnnxDenoiser> => {
  const { onnxDenoiser } = await import('@tweedie/onnx/node');
  return onnxDenoiser(await exportRun(opened, bound));
};

/** An extractor as a session. `dispose` it. */
export const onnxJudge = async (extractor: Extractor, shape: readonly number[]): Promise<OnnxExtractor> => {
  const [{ exportExtractor }, { onnxExtractor }] = await Promise.all([import('@tweedie/onnx'), import('@tweedie/onnx/node')]);
  return onnxExtractor(await exportExtractor(extractor, shape));
};
