import { moments } from '@tweedie/analytic';
import { decodeNpz, encodeNpz, tweedieError, type Dataset, type Extractor, type FeatureCache, type NpyArray } from '@tweedie/core';
import type { FeatureStatistics } from './frechet-distance.ts';
import { readReference, referenceKey } from './reference.ts';
import { sha256 } from './sha256.ts';

/** Statistics of real features, and where they are from. */
export interface ReferenceStatistics extends FeatureStatistics {
  /** Rows that they are of, where it is known: files of other programs do not say. */
  readonly n?: number;
  /** Id of the extractor, where it is known. */
  readonly extractor?: string;
  /** What stands in a result's details: the id of a data set, or `npz sha256:…`. */
  readonly source: string;
}

/**
 * Mean and covariance of the features of a data set, of all rows or of those given. With a cache, neither the extractor nor the sums run
 * a second time for the same extractor, data and rows.
 */
export const referenceStatistics = async (
  data: Dataset,
  extractor: Extractor,
  { rows, cache }: { readonly rows?: Int32Array; readonly cache?: FeatureCache } = {},
): Promise<ReferenceStatistics & { readonly n: number }> => {
  const indices = rows ?? Int32Array.from({ length: data.size }, (_, i) => i);
  return fittedReference(data, extractor, indices, cache, async () => (await readReference(data, indices, extractor, cache)).values);
};

/** The same, of features that are read only where the cache does not hold their statistics. */
export const fittedReference = async (
  data: Dataset,
  extractor: Extractor,
  indices: Int32Array,
  cache: FeatureCache | undefined,
  features: () => Promise<Float32Array>,
): Promise<ReferenceStatistics & { readonly n: number }> => {
  const { dims } = extractor;
  const about = { n: indices.length, extractor: extractor.id, source: data.id };
  const key = cache === undefined ? '' : `${await referenceKey(data, indices, extractor)}/moments`;
  const kept = await cache?.get(key);
  if (kept instanceof Float64Array && kept.length === dims * (dims + 1))
    return { ...about, mean: kept.slice(0, dims), covariance: kept.slice(dims) };
  const collected = moments(dims);
  collected.add(await features());
  const { mean, covariance } = collected.result();
  if (cache !== undefined) {
    const both = new Float64Array(dims * (dims + 1));
    both.set(mean);
    both.set(covariance, dims);
    await cache.set(key, both);
  }
  return { ...about, mean, covariance };
};

/**
 * Statistics from an `.npz` as EDM and TTUR write them: `mu` [d] and `sigma` [d, d], float64 in C order. `n` and `extractor`, which
 * {@link encodeReferenceStatistics} adds, are read where they are.
 *
 * @throws on other types, shapes or orders, on what is not finite, and on a sigma that is not symmetric or has a negative variance.
 */
export const readReferenceStatistics = async (bytes: Uint8Array, subject = 'reference statistics'): Promise<ReferenceStatistics> => {
  const { mu, sigma, n, extractor } = decodeNpz(bytes, subject);
  const refuse = (problem: string, got: unknown, expected: string): never => {
    throw tweedieError({ subject, problem, got, expected, remedy: 'save float64 statistics with numpy.savez(file, mu=…, sigma=…)' });
  };
  const float64 = (name: string, array: NpyArray | undefined, shape: readonly number[]): Float64Array => {
    if (array === undefined) return refuse(`the file has no "${name}"`, 'nothing', '"mu" and "sigma"');
    if (!(array.data instanceof Float64Array)) return refuse(`"${name}" is not float64`, array.data.constructor.name, 'float64');
    if (array.shape.join() !== shape.join() || array.data.length === 0)
      return refuse(`"${name}" has another shape`, array.shape, `[${shape.join(', ')}]`);
    const odd = array.data.findIndex((value) => !Number.isFinite(value));
    if (odd >= 0) return refuse(`"${name}" holds a value that is not finite`, `${array.data[odd]} at ${odd}`, 'finite values');
    return array.data;
  };
  const d = mu?.data.length ?? 0;
  const mean = float64('mu', mu, [d]);
  const covariance = float64('sigma', sigma, [d, d]);
  const top = covariance.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 0; i < d; i++) {
    if (covariance[i * d + i]! < 0) refuse('"sigma" has a negative variance', `${covariance[i * d + i]} at ${i}`, 'a covariance');
    for (let j = 0; j < i; j++)
      if (Math.abs(covariance[i * d + j]! - covariance[j * d + i]!) > 1e-9 * top)
        refuse('"sigma" is not symmetric', `${covariance[i * d + j]} and ${covariance[j * d + i]} at (${i}, ${j})`, 'a covariance');
  }
  const count = n?.data.length === 1 ? Number(n.data[0]) : undefined;
  return Object.freeze<ReferenceStatistics>({
    mean,
    covariance,
    ...(count === undefined ? {} : { n: count }),
    ...(extractor?.data instanceof Uint8Array ? { extractor: new TextDecoder().decode(extractor.data) } : {}),
    source: `npz sha256:${await sha256(bytes)}`,
  });
};

/** The same file, for other programs and for a second run: `mu`, `sigma`, and `n` and `extractor` (UTF-8) where they are known. */
export const encodeReferenceStatistics = ({ mean, covariance, n, extractor }: Omit<ReferenceStatistics, 'source'>): Uint8Array => {
  const d = mean.length;
  const name = extractor === undefined ? undefined : new TextEncoder().encode(extractor);
  return encodeNpz({
    mu: { shape: [d], data: mean },
    sigma: { shape: [d, d], data: covariance },
    ...(n === undefined ? {} : { n: { shape: [1], data: Float64Array.of(n) } }),
    ...(name === undefined ? {} : { extractor: { shape: [name.length], data: name } }),
  });
};
