import { createRequire } from 'node:module';
import { tweedieError } from '@tweedie/core';
import { decodeModel, type ModelProto } from './schema.ts';

/** What we use of ONNX Runtime; `onnxruntime-node` is an optional peer, so its types are not there to be imported. */
interface Runtime {
  readonly InferenceSession: { create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Session> };
  readonly Tensor: new (type: 'float32' | 'float64', data: Float32Array | Float64Array, dims: readonly number[]) => OrtTensor;
}
interface OrtTensor {
  readonly data: ArrayLike<number>;
}
interface Session {
  run(feeds: Readonly<Record<string, OrtTensor>>, fetches: readonly string[]): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

export interface RuntimeOptions {
  /** Threads of one call. Default: ONNX Runtime's own choice, one for each core. */
  readonly threads?: number;
}

/** A file of ours that is ready to run. */
export interface Opened {
  readonly metadata: ReadonlyMap<string, string>;
  /** Shape of one data point. */
  readonly shape: readonly number[];
  run(feeds: Readonly<Record<string, Feed>>, output: string): Promise<Float32Array>;
  /** Frees the session. Calls that are under way end first. */
  dispose(): Promise<void>;
}
export interface Feed {
  readonly data: Float32Array | Float64Array;
  readonly dims: readonly number[];
}

const PACKAGE = 'onnxruntime-node';

/** The runtime, beside us or in the project that is being run. */
const loadRuntime = (): Runtime => {
  const failures: unknown[] = [];
  for (const place of [import.meta.url, `${process.cwd()}/package.json`]) {
    try {
      return createRequire(place)(PACKAGE) as Runtime;
    } catch (error) {
      failures.push(error);
    }
  }
  const [cause] = failures;
  throw tweedieError({
    subject: 'onnx',
    problem: `${PACKAGE} cannot be loaded`,
    got: cause instanceof Error ? cause.message.split('\n')[0] : cause,
    remedy: `npm install ${PACKAGE}; its CPU library comes inside, --ignore-scripts will do`,
    code: 'NO_ONNX_RUNTIME',
    cause,
  });
};

/** Opens a file of this package as a session. @throws where the bytes are another kind of file, or the runtime is not installed. */
export const open = async (file: Uint8Array, kind: 'denoiser' | 'extractor', { threads }: RuntimeOptions = {}): Promise<Opened> => {
  const model = decodeModel(file);
  const metadata = new Map(model.metadataProps.map(({ key, value }) => [key, value]));
  if (metadata.get('tweedie.kind') !== kind)
    throw tweedieError({
      subject: 'onnx',
      problem: `this is no ${kind} of ours`,
      got: metadata.get('tweedie.kind') ?? 'a file without our metadata',
      remedy: 'write one with `tweedie export`',
    });
  const { InferenceSession, Tensor } = loadRuntime();
  const session = await InferenceSession.create(file, {
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    logSeverityLevel: 3,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
  });
  return Object.freeze<Opened>({
    metadata,
    shape: shapeOf(model),
    run: async (feeds, output) => {
      const tensors = Object.entries(feeds).map(
        ([name, { data, dims }]) => [name, new Tensor(data instanceof Float64Array ? 'float64' : 'float32', data, dims)] as const,
      );
      const results = await session.run(Object.fromEntries(tensors), [output]);
      return results[output]!.data as Float32Array;
    },
    dispose: () => session.release(),
  });
};

const shapeOf = ({ graph }: ModelProto): readonly number[] =>
  graph.input[0]!.type.tensorType.shape.dim.slice(1).map(({ dimValue }) => dimValue!);
