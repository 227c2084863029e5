import { type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { createNoise, evaluateFormula, tweedieError, type Binding, type Formula } from '@tweedie/core';
import { convert, type Recording } from './convert.ts';
import { asksForLevel, formulaNodes } from './formula-nodes.ts';
import { createGraph, type Graph } from './graph.ts';
import { DOUBLE, FLOAT } from './schema.ts';
import { traced } from './trace.ts';
import { last, type Value } from './values.ts';

/** What a file says of itself beside the graph: shown by viewers, read by {@link onnxDenoiser}. */
export type Metadata = Readonly<Record<string, string>>;

/**
 * The preconditioned denoiser D(y; ρ) of a network as the bytes of an ONNX file: float32, any batch.
 *
 *     y      [batch, …shape]     x/α, channels last
 *     sigma  [levels], float64   ρ = σ/α: one for the batch, or one a row
 *     label  [batch, classes]    one-hot, a zero row = unconditional; only where the network has classes
 *     x0     [batch, …shape]     E[x₀ | y]
 *
 * The network runs twice on the current engine while its kernels are recorded, with two sizes of batch. @throws with the name of what
 * cannot be written: a kernel, a tensor that is made of the level by no formula, a parametrisation that has none. Weights are lent.
 */
export const exportDenoiser = async (binding: Omit<Binding, 'train'>, metadata: Metadata = {}): Promise<Uint8Array> => {
  const { network, preconditioner, schedule } = binding;
  const { shape, classes } = network;
  const coefficients = preconditioner.formulas?.(schedule);
  if (coefficients === undefined)
    throw tweedieError({
      subject: `preconditioner ${preconditioner.id}`,
      problem: `its numbers are no formulas of the noise level under the schedule ${schedule.id}`,
      remedy: 'give the preconditioner `formulas`, and the schedule `alphaOfRho` where they need it',
      code: 'ONNX_UNSUPPORTED',
    });

  const recordings = [await record(binding, 2, 1), await record(binding, 3, 2)] as const;
  const graph = createGraph(['x0']);
  const y = graph.input('y', FLOAT, ['batch', ...shape]);
  const sigma = graph.input('sigma', DOUBLE, ['levels']);
  const label = classes > 0 ? [graph.input('label', FLOAT, ['batch', classes])] : [];

  const rows = graph.node('Slice', [graph.node('Shape', [y]), graph.whole(0), graph.whole(1)]);
  const rho = graph.node('Reshape', [graph.node('Expand', [sigma, rows]), graph.whole(-1, 1)]);
  const scaled = (name: string, f: Formula): string => scaleRows(graph, name, f, rho, shape.length);

  const inputs: Value[] = [
    { shape: [-1, ...shape], dtype: 'float32', last: scaled(y, coefficients.in) },
    ...label.map((name) => ({ shape: [-1, classes], dtype: 'float32', last: name })),
  ];
  const [f] = convert(graph, recordings, inputs, formulaNodes(graph, coefficients.noise, rho));
  const out = scaled(last(graph, f!), coefficients.out);
  const x0 = isNumber(coefficients.skip, 0) ? out : graph.node('Add', [scaled(y, coefficients.skip), out]);
  graph.output('x0', x0, FLOAT, ['batch', ...shape]);
  return graph.finish(network.name, {
    'tweedie.kind': 'denoiser',
    'tweedie.network': network.name,
    'tweedie.config': JSON.stringify(network.config),
    'tweedie.shape': JSON.stringify(shape),
    'tweedie.classes': String(classes),
    'tweedie.schedule': schedule.id,
    'tweedie.preconditioner': preconditioner.id,
    ...metadata,
  });
};

/** Levels at which the network is recorded: c_noise of all kinds of networks is about there. */
const LEVELS = [0.25, -0.5, 0.75] as const;

const record = async ({ network, weights }: Omit<Binding, 'train'>, rows: number, seed: number): Promise<Recording> => {
  const noise = createNoise(seed);
  const levels = Float64Array.from({ length: rows }, (_, i) => LEVELS[i]! * seed);
  const x = noise.normal([rows, ...network.shape], { stream: 0 });
  const label = network.classes > 0 ? (noise.normal([rows, network.classes], { stream: 1 }) as Tensor2D) : undefined;
  const given: readonly Tensor[] = label === undefined ? [x] : [x, label];
  try {
    const trace = await traced(() => [network.apply(weights, x, levels, label)]);
    return {
      trace,
      inputs: given.map(({ id }) => id),
      levels,
      labels: new Map(Object.entries(weights).map(([name, { id }]) => [id, name])),
    };
  } finally {
    given.forEach((tensor) => tensor.dispose());
  }
};

const isNumber = (f: Formula, value: number): boolean => !asksForLevel(f) && evaluateFormula(f, 1)[0] === value;

/** Each row of an image times a formula of its level. */
const scaleRows = (graph: Graph, name: string, f: Formula, rho: string, rank: number): string => {
  if (isNumber(f, 1)) return name;
  const column = graph.node('Cast', [formulaNodes(graph, f, rho)], { to: FLOAT });
  return graph.node('Mul', [name, graph.node('Reshape', [column, graph.whole(-1, ...Array.from({ length: rank }, () => 1))])]);
};
