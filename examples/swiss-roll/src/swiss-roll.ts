import { tensor2d, tidy } from '@tensorflow/tfjs-core';
import { empirical } from '@tweedie/analytic';
import { selectEngine } from '@tweedie/backend';
import * as core from '@tweedie/core';
import * as part from '@tweedie/core/container';
import { toy } from '@tweedie/data';
import { slicedWasserstein } from '@tweedie/metrics';
import { mlp } from '@tweedie/networks';
import { dsm } from '@tweedie/objective-classic';
import { dpmpp2m, heun } from '@tweedie/sampler-classic';
import { lattice, show, type Drawn, type Field } from './show.ts';

export interface SwissRollOptions {
  /** Training steps. Default 1200. */
  readonly steps?: number;
  /** Points to draw, and to compare scores at. Default 2000. */
  readonly count?: number;
  readonly seed?: number;
  readonly folder?: string;
  readonly print?: (line: string) => void;
}

/** Noise levels at which the scores are compared: on the roll, between its arms, and from far away. */
const RHOS = [0.05, 0.15, 0.6];

/** Learns a roll of 8192 points, compares the score that it learnt with the exact one, draws new points, and shows all of it. */
export const main = async (options: SwissRollOptions = {}): Promise<{ fields: Field[]; drawn: Drawn[] }> => {
  const { steps = 1200, count = 2000, seed = 0, folder = 'runs/swiss-roll', print = console.log } = options;
  const { id: engine } = await selectEngine();
  const experiment = part.compose(
    part.value(part.DATA, toy({ name: 'swiss-roll', size: 8192, seed })),
    part.value(part.NETWORK, mlp({ shape: [2], width: 64 })),
    part.value(part.SCHEDULE, core.edm({ sigmaMax: 10 })),
    part.value(part.PRECONDITIONER, core.edmPreconditioner({ sigmaData: 0.5 })),
    part.value(part.OBJECTIVE, dsm({ pMean: -1.6, pStd: 1.4 })),
    part.value(part.OPTIMIZER, core.adam({ rate: core.trapezoid({ peak: 4e-3, warmup: 50, decay: 0.7, steps }) })),
    part.value(part.TRAINING, { batchSize: 256, emaDecay: 0.995 }),
    part.value(part.SAMPLER, heun()),
    part.value(part.LEVELS, core.karras({ steps: 18, max: 10, min: 0.005, zero: true })),
    part.value(part.NOISE, core.createNoise(seed)),
  );
  const { get } = experiment;
  const [network, data, noise] = [get(part.NETWORK), get(part.DATA), get(part.NOISE)];

  // Train.
  const start = performance.now();
  const parameters = core.createParameters(network.parameters, network.init(noise));
  const [loss, feed, optimizer] = [get(part.LOSS), get(part.FEED), get(part.OPTIMIZER)];
  const training = core.train({ parameters, loss, feed, optimizer, noise, steps, ...get(part.TRAINING) });
  const losses: number[] = [];
  let now = await training.next();
  for (; now.done !== true; now = await training.next()) losses.push(now.value.loss);
  const weights = core.toTensors(network.parameters, parameters.values(now.value.ema));
  parameters.dispose();
  const model = core.bindModel({ network, weights, schedule: get(part.SCHEDULE), preconditioner: get(part.PRECONDITIONER) });
  const seconds = { training: since(start) };
  print(`${steps} steps in ${seconds.training.toFixed(1)} s on ${engine}`);

  // Tweedie's formula: the score is s(y; ρ) = (D(y; ρ) − y)/ρ². That of a finite set of points is known exactly.
  const points = data.rows(Int32Array.from({ length: data.size }, (_, i) => i)).images;
  const score = async (denoise: core.Model['denoise'], y: Float32Array, rho: number): Promise<Float32Array> => {
    const x0 = tidy(() => denoise(tensor2d(y, [y.length / 2, 2]), rho));
    const values = (await x0.data()) as Float32Array;
    x0.dispose();
    return values.map((x, i) => (x - y[i]!) / rho ** 2);
  };
  const [learnt, exact] = [model.denoise, empirical(points, { dims: 2 }).denoiser];
  const some = empirical(points.slice(0, 2048), { dims: 2 });
  const fields: Field[] = [];
  for (const [draw, rho] of RHOS.entries()) {
    const z = noise.hostNormal([count, 2], { stream: core.STREAM.plugin, draw });
    const y = Float32Array.from(z, (e, i) => points[i]! + rho * e);
    const [ours, best] = [await score(learnt, y, rho), await score(exact, y, rho)];
    const error = Math.sqrt(mean(best, (s, i) => (ours[i]! - s) ** 2) / mean(best, (s) => s ** 2));
    const arrows = { learnt: await score(learnt, lattice(21), rho), exact: await score(exact, lattice(21), rho) };
    fields.push({ rho, error, n: count, arrows, density: some.logDensity(lattice(42), rho).map(Math.exp) });
    print(`ρ = ${rho}: the learnt score is off by ${(100 * error).toFixed(1)} % (root mean square over ${count} noisy points)`);
  }

  // Draw with two samplers. A scope changes one thing; everything else is the experiment's.
  const drawn: Drawn[] = [];
  for (const scope of [experiment, experiment.scope(part.value(part.SAMPLER, dpmpp2m()))]) {
    const [sampler, plan] = [scope.get(part.SAMPLER), scope.get(part.PLAN)];
    const start = performance.now();
    const states: Float32Array[] = [];
    for await (const event of core.sample({ sampler, plan, denoise: model.denoise, shape: [2], count, batchSize: count, noise })) {
      states.push(Float32Array.from(await (event.kind === 'step' ? event.step.y : event.images).data()));
    }
    const seconds = since(start);
    const judged = async function* () {
      const images = tensor2d(states.at(-1)!, [count, 2]);
      yield { images, first: 0 };
      images.dispose();
    };
    const [result] = await core.judge([slicedWasserstein({ directions: 100 })], { reference: data, seed: BigInt(seed) }, judged());
    drawn.push({ sampler: sampler.name, nfe: plan.nfe!, states, score: result!, seconds });
    const [ours, floor] = [result!.value, result!.floor ?? NaN].map((value) => value.toExponential(1));
    print(`${sampler.name}: ${plan.nfe} calls, SW2² = ${ours} (real points ${floor}, n = ${count})`);
  }
  Object.values(weights).forEach((tensor) => tensor.dispose());

  const config = { steps, count, network: network.config, ...get(part.TRAINING) };
  await show({ folder, points, losses, fields, drawn, engine, seed, seconds, config });
  print(`${folder}/report.html`);
  return { fields, drawn };
};

const since = (start: number): number => (performance.now() - start) / 1000;

const mean = (values: Float32Array, f: (value: number, i: number) => number): number =>
  values.reduce((sum, value, i) => sum + f(value, i), 0) / values.length;
