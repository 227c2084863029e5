// @ts-check
/**
 * The digits network in jax-js (https://jax-js.com): `node bench/jax.mjs WEIGHTS.safetensors`, where `@jax-js/jax` is installed. In its own
 * idiom: images NCHW, everything of a call or a step in one `jit`. Arrays are consumed where they are used; `.ref` keeps one.
 * Speaks the line protocol of src/contestant.ts.
 */
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from '@jax-js/jax';

const BATCH = 64;
const SIGMA_DATA = 0.5;
const GROUPS = (/** @type {number} */ channels) => Math.max(1, Math.min(32, Math.floor(channels / 4)));
const NORMS = ['enc0.block0', 'enc1.block0', 'enc1.block1', 'dec0.block0', 'out'];

/** HWIO becomes OIHW. @param {string} path */
const read = async (path) => {
  const file = await readFile(path);
  const size = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + size).toString());
  /** @type {Record<string, any>} */
  const out = {};
  for (const [
    name,
    {
      shape,
      data_offsets: [from, to],
    },
  ] of Object.entries(header).filter(([name]) => name !== '__metadata__')) {
    const bytes = file.subarray(8 + size + from, 8 + size + to);
    const array = np.array(new Float32Array(Uint8Array.from(bytes).buffer)).reshape(shape);
    out[name] = shape.length === 4 ? array.transpose([3, 2, 0, 1]) : array;
  }
  return out;
};

await init('wasm');
defaultDevice('wasm');
const weights = await read(process.argv[2] ?? '');
const features = weights['embed.weight'].shape[0] / 2;
const frequencies = Array.from({ length: features }, (_, i) => 32 ** (i / (features - 1)));

/** F(x; noise, class). Everything is consumed. @param {Record<string, any>} w @param {any} x @param {any} seen @param {any} hot */
const network = (w, x, seen, hot) => {
  const conv = (/** @type {any} */ h, /** @type {string} */ name, bias = true) => {
    const y = lax.conv(h, w[`${name}.weight`], [1, 1], 'SAME');
    return bias ? y.add(w[`${name}.bias`].reshape([1, -1, 1, 1])) : y;
  };
  const e = nn.silu(np.matmul(seen, w['embed.weight']).add(w['embed.bias']).add(np.matmul(hot, w['label.weight'])));
  const widths = NORMS.flatMap((name) => (name.startsWith('enc1') ? [64, 64] : [32, 32]));
  const ends = widths.map((_, i) => widths.slice(0, i + 1).reduce((a, b) => a + b, 0)).slice(0, -1);
  const film = np.split(np.matmul(e, w['film.weight']).add(w['film.bias']), ends, 1);
  const norm = (/** @type {any} */ h, /** @type {string} */ name) => {
    const [b, c, height, width] = h.shape;
    const i = NORMS.indexOf(name);
    const g = h.reshape([b, GROUPS(c), -1]);
    const centred = g.sub(np.mean(g.ref, 2, { keepdims: true }));
    const variance = np.mean(np.square(centred.ref), 2, { keepdims: true });
    const normal = centred.mul(np.reciprocal(np.sqrt(variance.add(1e-6)))).reshape([b, c, height, width]);
    return nn.silu(normal.mul(film[2 * i].reshape([b, c, 1, 1])).add(film[2 * i + 1].reshape([b, c, 1, 1])));
  };
  const block = (/** @type {any} */ h, /** @type {string} */ name) =>
    h.ref.add(conv(norm(conv(h, `${name}.conv0`, false), name), `${name}.conv1`));
  const patched = x.reshape([BATCH, 14, 2, 14, 2]).transpose([0, 2, 4, 1, 3]).reshape([BATCH, 4, 14, 14]);
  const fine = block(conv(patched, 'stem'), 'enc0.block0');
  const skip = fine.ref;
  let h = np.mean(fine.reshape([BATCH, 32, 7, 2, 7, 2]), [3, 5]);
  h = block(block(conv(h, 'shrink0'), 'enc1.block0'), 'enc1.block1');
  h = np.repeat(np.repeat(conv(h, 'grow0'), 2, 2), 2, 3).add(skip);
  h = conv(norm(block(h, 'dec0.block0'), 'out'), 'out');
  return h.reshape([BATCH, 2, 2, 14, 14]).transpose([0, 3, 1, 4, 2]).reshape([BATCH, 1, 28, 28]);
};

/** What the host knows of noise levels: EDM's coefficients and the Fourier features of ln σ/4. @param {number[]} sigmas */
const ofLevels = (sigmas) => {
  const column = (/** @type {(sigma: number) => number} */ f) =>
    np.array(new Float32Array(sigmas.map(f))).reshape([sigmas.length, 1, 1, 1]);
  const root = (/** @type {number} */ sigma) => Math.hypot(sigma, SIGMA_DATA);
  const angles = sigmas.map((sigma) => frequencies.map((f) => (f * Math.log(sigma)) / 4));
  return {
    in: column((s) => 1 / root(s)),
    skip: column((s) => (SIGMA_DATA / root(s)) ** 2),
    out: column((s) => (s * SIGMA_DATA) / root(s)),
    seen: np
      .array(new Float32Array(angles.flatMap((row) => [...row.map(Math.sin), ...row.map(Math.cos)])))
      .reshape([sigmas.length, 2 * features]),
  };
};
const denoise = (/** @type {any} */ w, /** @type {any} */ y, /** @type {any} */ c, /** @type {any} */ hot) =>
  y.ref.mul(c.skip).add(network(w, y.mul(c.in), c.seen, hot).mul(c.out));
const loss = (
  /** @type {any} */ w,
  /** @type {any} */ x0,
  /** @type {any} */ noisy,
  /** @type {any} */ c,
  /** @type {any} */ hot,
  /** @type {any} */ weight,
) => np.mean(np.square(denoise(w, noisy, c, hot).sub(x0)).mul(weight));

const called = jit(denoise);
/** One step of Adam. */
const stepped = jit(
  (
    /** @type {any} */ w,
    /** @type {any} */ m,
    /** @type {any} */ v,
    /** @type {any} */ x0,
    /** @type {any} */ noisy,
    /** @type {any} */ c,
    /** @type {any} */ hot,
    /** @type {any} */ weight,
  ) => {
    const kept = Object.fromEntries(Object.entries(w).map(([name, value]) => [name, value.ref]));
    const [value, gradient] = valueAndGrad(loss)(w, x0, noisy, c, hot, weight);
    /** @type {[any, any, any, any]} */
    const out = [value, {}, {}, {}];
    for (const name of Object.keys(kept)) {
      const g = gradient[name];
      out[2][name] = m[name].mul(0.9).add(g.ref.mul(0.1));
      out[3][name] = v[name].mul(0.999).add(np.square(g).mul(0.001));
      out[1][name] = kept[name].sub(out[2][name].ref.div(np.sqrt(out[3][name].ref).add(1e-8)).mul(1e-5));
    }
    return out;
  },
);

const owned = (/** @type {Record<string, any>} */ tree) =>
  Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, value.ref]));
const sines = (/** @type {number} */ count, factor = 1) => new Float32Array(count).map((_, i) => Math.sin(factor * i));
const y = np.array(sines(BATCH * 784, 0.7)).reshape([BATCH, 1, 28, 28]);
const hot = np.array(new Float32Array(BATCH * 10).map((_, i) => Number(Math.floor(i / 10) % 10 === i % 10))).reshape([BATCH, 10]);
const call = async () => await called(owned(weights), y.ref, ofLevels(Array(BATCH).fill(1.3)), hot.ref).data();

let state = [
  owned(weights),
  ...[0, 1].map(() => Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, np.zeros(w.shape)]))),
];
const train = async () => {
  const sigmas = Array.from({ length: BATCH }, () => Math.exp(-1.2 + 1.2 * normal()));
  const x0 = sines(BATCH * 784);
  const noisy = x0.map((x, i) => x + (sigmas[Math.floor(i / 784)] ?? 0) * normal());
  const image = (/** @type {Float32Array} */ values) => np.array(values).reshape([BATCH, 1, 28, 28]);
  const weight = np.array(new Float32Array(sigmas.map((s) => (s * s + SIGMA_DATA ** 2) / (s * SIGMA_DATA) ** 2))).reshape([BATCH, 1, 1, 1]);
  const [value, w, m, v] = stepped(state[0], state[1], state[2], image(x0), image(noisy), ofLevels(sigmas), hot.ref, weight);
  state = [w, m, v];
  await value.data();
};
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

const say = (/** @type {object} */ line) => process.stdout.write(`${JSON.stringify(line)}\n`);
say({ ready: 'jax-js, wasm' });
for await (const line of createInterface({ input: process.stdin })) {
  const { task } = JSON.parse(line);
  try {
    if (task === 'check') say({ values: [...(await call())].slice(0, 784) });
    else if (task === 'memory') say({ bytes: process.resourceUsage().maxRSS * 1024 });
    else {
      const started = performance.now();
      await (task === 'train' ? train() : call());
      say({ milliseconds: performance.now() - started });
    }
  } catch (error) {
    say({ error: error instanceof Error ? error.message.split('\n')[0] : String(error) });
  }
}
process.exit(0);
