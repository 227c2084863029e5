import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createNoise, encodeNpz, STREAM, type NpyArray } from '@tweedie/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputs, type Output } from '../outputs.ts';
import { encodePng } from '../pictures/index.ts';
import { makeProject, type Project } from '../testing/project.fixture.ts';

const [N, SIDE] = [12, 6];

/** Bytes [N, side, side, channels], by seed. */
const bytes = (seed: number, channels: number, { count = N, side = SIDE } = {}): Uint8Array =>
  Uint8Array.from(createNoise(seed).hostUniform([count, side, side, channels], { stream: STREAM.data }), (u) => Math.floor(256 * u));
const shaped = (data: Uint8Array | Float32Array, channels: number, side = SIDE): NpyArray => ({
  shape: [data.length / (side * side * channels), side, side, channels],
  data,
});

let project: Project;
const npz = async (name: string, arrays: Readonly<Record<string, NpyArray>>): Promise<void> =>
  writeFile(project.at(name), encodeNpz(arrays));
/** One picture an image, grey repeated as a picture holds it. */
const folder = async (name: string, data: Uint8Array, channels: number, side = SIDE): Promise<void> => {
  await mkdir(project.at(name), { recursive: true });
  const size = side * side * channels;
  for (let i = 0; i * size < data.length; i++) {
    const image = data.subarray(i * size, (i + 1) * size);
    const rgb = channels === 3 ? image : Uint8Array.from({ length: 3 * size }, (_, k) => image[Math.floor(k / 3)]!);
    await writeFile(
      join(project.at(name), `${String(i).padStart(3, '0')}.png`),
      encodePng({ width: side, height: side, data: Uint8Array.from(rgb) }),
    );
  }
};

beforeAll(async () => {
  project = await makeProject();
  await folder('grey', bytes(1, 1), 1);
  await folder('real', bytes(2, 1, { count: 3 * N }), 1);
  await folder('colour', bytes(3, 3), 3);
  await folder('large', bytes(1, 1, { side: 8 }), 1, 8);
  await mkdir(project.at('empty'));
  await npz('grey.npz', { arr_0: shaped(bytes(1, 1), 1) });
});
afterAll(() => project.remove());

const evaluate = (...words: string[]) => project.tweedie('evaluate', ...words, '--json');
const judged = async (...words: string[]): Promise<Output<'evaluate'> & { readonly stderr: string }> => {
  const ran = await evaluate(...words);
  expect(ran.code, ran.stderr).toBe(0);
  return { ...outputs.evaluate.strict().parse(ran.json()), stderr: ran.stderr };
};

describe('images that are there already', () => {
  it('are the same in a folder and in a file, and grey pictures are grey', async () => {
    const [a, b] = [await judged('grey', '--against', 'real'), await judged('grey.npz', '--against', 'real')];
    expect(a).toMatchObject({ judged: 'grey', n: N, modelHash: null, extractor: null, reference: expect.stringMatching(/^real@/) });
    expect(a.metrics.map(({ name }) => name)).toEqual(['SW2²-data', 'MMD²-data']);
    expect(b.metrics.map(({ value }) => value)).toEqual(a.metrics.map(({ value }) => value));
    expect(a.metrics[0]!.floor).toBeGreaterThan(0);
    // Pixels of one law are as far apart as the floor says, not further.
    expect(a.metrics[0]!.value).toBeLessThan(3 * a.metrics[0]!.floor!);
  });

  it('are themselves at a distance of 0, and the first of them are so many', async () => {
    expect((await judged('grey', '--against', 'grey.npz', '--metrics', 'sliced-wasserstein')).metrics[0]!.value).toBe(0);
    expect((await judged('grey', '--against', 'real', '-n', '5', '--metrics', 'sliced-wasserstein')).n).toBe(5);
    const many = await evaluate('grey', '--against', 'real', '-n', '50');
    expect([many.code, many.stderr]).toEqual([2, expect.stringMatching(/there is no such part: got rows 0 to 50/)]);
  });

  it('have a Fréchet distance of their pixels, with a warning that there are fewer than features', async () => {
    const { metrics, stderr, extractor } = await judged('grey', '--against', 'real', '--metrics', 'frechet', '--extractor', 'pixels');
    expect(extractor).toBe('pixels');
    expect(metrics[0]!.warnings).toEqual([
      expect.stringMatching(/n = 12 is not above the 36 features.*the reference has 36 rows for 36 features/),
    ]);
    expect(metrics[0]!.details).not.toHaveProperty('warning');
    expect(stderr).toMatch(/^warning: FD-pixels: n = 12 is not above the 36 features/m);
    const lacking = await evaluate('grey', '--against', 'real', '--metrics', 'frechet');
    expect([lacking.code, lacking.stderr]).toEqual([2, expect.stringMatching(/\[metric frechet\] no feature extractor was given/)]);
  });

  it('are held against the mean and covariance of features by the Fréchet distance, and by nothing else', async () => {
    const all = ['--metrics', 'frechet', '--extractor', 'pixels'];
    const d = SIDE * SIDE;
    const real = bytes(2, 1, { count: 3 * N });
    const rows = Array.from({ length: 3 * N }, (_, i) =>
      Array.from(real.subarray(i * d, (i + 1) * d), (byte) => Math.fround(byte / 127.5 - 1)),
    );
    const mu = Float64Array.from({ length: d }, (_, k) => rows.reduce((sum, row) => sum + row[k]!, 0) / rows.length);
    const sigma = Float64Array.from({ length: d * d }, (_, at) => {
      const [i, j] = [Math.floor(at / d), at % d];
      return rows.reduce((sum, row) => sum + (row[i]! - mu[i]!) * (row[j]! - mu[j]!), 0) / (rows.length - 1);
    });
    await npz('statistics.npz', { mu: { shape: [d], data: mu }, sigma: { shape: [d, d], data: sigma } });
    const [a, b] = [await judged('grey', '--against', 'real', ...all), await judged('grey', '--against', 'statistics.npz', ...all)];
    expect(b.reference).toMatch(/^npz sha256:/);
    expect(Math.abs(b.metrics[0]!.value - a.metrics[0]!.value)).toBeLessThan(1e-6 * a.metrics[0]!.value);
    const of = async (...words: string[]): Promise<string> => {
      const ran = await evaluate('grey', '--against', 'statistics.npz', ...words);
      expect(ran.code).toBe(2);
      return ran.stderr;
    };
    expect(await of('--metrics', 'frechet,mmd', '--extractor', 'pixels')).toMatch(/\[metric mmd\] statistics of features say too little/);
    expect(await of('--metrics', 'frechet')).toMatch(/no feature extractor was given/);
    expect(await of('--metrics', 'frechet', '--extractor', 'pca')).toMatch(/\[extractor pca\] its components are those of real data/);
    await npz('small.npz', { mu: { shape: [2], data: mu.slice(0, 2) }, sigma: { shape: [2, 2], data: Float64Array.of(1, 0, 0, 1) } });
    const other = await evaluate('grey', '--against', 'small.npz', ...all);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(/the statistics are of another extractor.*expected pixels, 36 features/),
    ]);
  });

  it('have features of principal components, and need training data to be found memorised', async () => {
    const { extractor } = await judged('grey', '--against', 'real', '--metrics', 'frechet', '--extractor', 'pca');
    expect(extractor).toMatch(/^pca35-[0-9a-f]{8}$/);
    const lacking = await evaluate('grey', '--against', 'real', '--metrics', 'memorisation');
    expect([lacking.code, lacking.stderr]).toEqual([2, expect.stringMatching(/no training data to look for copies of/)]);
  });

  it('that are constant are warned of', async () => {
    await npz('constant.npz', { arr_0: shaped(new Uint8Array(N * SIDE * SIDE).fill(7), 1) });
    const { metrics } = await judged('constant.npz', '--against', 'real', '--metrics', 'sliced-wasserstein');
    expect(metrics[0]!.warnings[0]).toMatch(/every value is -0\.945.*: the images are constant/);
  });

  it('may have been drawn with overshoot, which a picture cuts off', async () => {
    const data = Float32Array.from(bytes(1, 1), (byte) => byte / 127.5 - 1);
    data[3] = 1.4;
    await npz('overshoot.npz', { arr_0: shaped(data, 1), labels: { shape: [N], data: new Int32Array(N).fill(-1) } });
    data[3] = 1;
    await npz('cut.npz', { arr_0: shaped(data, 1) });
    const [a, b] = [await judged('overshoot.npz', '--against', 'real'), await judged('cut.npz', '--against', 'real')];
    expect(a.metrics.map(({ value }) => value)).toEqual(b.metrics.map(({ value }) => value));
  });
});

it('a run that has classes is asked for them, or for none', async () => {
  const words = ['--data', 'eight-gaussians', '--network', 'mlp', '--network.width', '8', '--network.depth', '1', '--steps', '4', '--batch-size', '8']; // prettier-ignore
  expect((await project.tweedie('train', 'runs/eight', ...words)).code).toBe(0);
  const of = (...more: string[]) => judged('runs/eight', '-n', '16', '--steps', '3', '--metrics', 'sliced-wasserstein', ...more);
  const [asked, free] = [await of(), await of('--unconditional')];
  expect([asked.labels, free.labels]).toEqual(['classes', 'none']);
  expect(asked.metrics[0]!.value).not.toBe(free.metrics[0]!.value);
});

describe('what cannot be judged is refused in a sentence, with exit code 2', () => {
  const floats = (scale: (byte: number) => number): NpyArray => shaped(Float32Array.from(bytes(1, 1), scale), 1);
  interface Refused {
    readonly words: readonly string[];
    readonly message: RegExp;
    readonly prepare?: () => Promise<void>;
  }
  const cases: readonly (readonly [string, readonly string[], RegExp, (() => Promise<void>)?])[] = [
    [
      'grey against colour',
      ['grey', '--against', 'colour'],
      /grey and the real data are in colour: got \[6, 6, 1\], expected \[6, 6, 3\], as colour@/,
    ],
    ['colour against grey', ['colour', '--against', 'real'], /in colour and the real data are grey/],
    [
      'another size',
      ['large', '--against', 'real'],
      /another shape than the real data: got \[8, 8, 1\], expected \[6, 6, 1\], as real@.*of the same size/,
    ],
    ['an empty folder', ['empty', '--against', 'real'], /empty\] there are no pictures in the folder/],
    ['an empty folder of real data', ['grey', '--against', 'empty'], /empty\] there are no pictures in the folder/],
    [
      'a classifier of others',
      ['grey', '--against', 'real', '--extractor', 'mnistnet', '--metrics', 'frechet'],
      /extractor mnistnet\] the images are not those that it was made for: got \[6, 6, 1\], expected \[28, 28, 1\]/,
    ],
    [
      'a file of weights too few',
      ['grey', '--against', 'real', '--extractor', 'inception', '--metrics', 'frechet'],
      /inception has no weights of its own: got inception, expected inception:FILE/,
    ],
    [
      'weights that are not there',
      ['grey', '--against', 'real', '--extractor', 'inception:no.pth', '--metrics', 'frechet'],
      /no\.pth\] the file cannot be read: got ENOENT/,
    ],
    [
      'grey for an extractor of colour',
      ['grey32', '--against', 'grey32', '--extractor', 'cifarnet', '--metrics', 'frechet'],
      /extractor cifarnet\].*got \[32, 32, 1\], expected \[32, 32, 3\], in colour: grey repeated three times is nothing that it has seen/,
      () => folder('grey32', bytes(1, 1, { count: 3, side: 32 }), 1, 32),
    ],
    ['an extractor with a file too many', ['grey', '--against', 'real', '--extractor', 'pixels:x.pth'], /pixels takes no file/],
    ['a metric of labels', ['grey', '--against', 'real', '--extractor', 'pixels', '--metrics', 'class-match'], /no classifier was given/],
    [
      'NaN',
      ['nan.npz', '--against', 'real'],
      /\[nan\.npz\] image 2 holds a value that is not finite: got NaN/,
      () =>
        npz('nan.npz', {
          arr_0: { ...floats((b) => b / 127.5 - 1), data: Float32Array.from(bytes(1, 1), (b, i) => (i === 75 ? NaN : b / 127.5 - 1)) },
        }),
    ],
    [
      '[0, 1]',
      ['unit.npz', '--against', 'real'],
      /\[unit\.npz\] the images are in \[0, 1\]: got values from 0[\d.]* to (1|0\.99\d*), expected floats in \[−1, 1\], or uint8; take 2 x − 1/,
      () => npz('unit.npz', { arr_0: floats((b) => b / 255) }),
    ],
    [
      '[0, 1] in bytes',
      ['bits.npz', '--against', 'real'],
      /the bytes are those of images in \[0, 1\]/,
      () =>
        npz('bits.npz', {
          arr_0: shaped(
            bytes(1, 1).map((b) => b >> 7),
            1,
          ),
        }),
    ],
    [
      'bytes as floats',
      ['floats.npz', '--against', 'real'],
      /the images are bytes, written as floats: got values from/,
      () => npz('floats.npz', { arr_0: floats((b) => b) }),
    ],
    [
      'integers',
      ['int.npz', '--against', 'real'],
      /arr_0 is of a type that no images have: got int32, expected uint8/,
      () => npz('int.npz', { arr_0: { shape: [1, 1, 1, 1], data: Int32Array.of(3) } }),
    ],
    [
      'labels of another number',
      ['labels.npz', '--against', 'real'],
      /images and labels are not equally many: got labels of \[3\], expected \[12\]/,
      () => npz('labels.npz', { arr_0: shaped(bytes(1, 1), 1), labels: { shape: [3], data: Int32Array.of(0, 1, 2) } }),
    ],
    [
      'labels that are none',
      ['stray.npz', '--against', 'real'],
      /label 1 is no class: got 0\.5/,
      () => npz('stray.npz', { arr_0: shaped(bytes(1, 1), 1), labels: { shape: [N], data: new Float32Array(N).fill(0.5, 1) } }),
    ],
    [
      'pictures without channels',
      ['flat.npz', '--against', 'real'],
      /\[flat\.npz\] arr_0 is neither pictures nor points: got \[2, 4, 4\], expected .*; grey pictures have one channel/,
      () => npz('flat.npz', { arr_0: { shape: [2, 4, 4], data: new Uint8Array(32).fill(9, 3) } }),
    ],
    [
      'no arr_0',
      ['other.npz', '--against', 'real'],
      /the archive holds no samples: got no arr_0/,
      () => npz('other.npz', { images: shaped(bytes(1, 1), 1) }),
    ],
    [
      'an archive that is cut short',
      ['cut-short.npz', '--against', 'real'],
      /cut-short\.npz\] this is no \.npz archive/,
      async () => writeFile(project.at('cut-short.npz'), (await readFile(project.at('grey.npz'))).subarray(0, 300)),
    ],
    [
      'a picture that is cut short',
      ['broken', '--against', 'real'],
      /005\.png\] the picture cannot be read/,
      async () => {
        await folder('broken', bytes(1, 1), 1);
        await writeFile(project.at('broken/005.png'), (await readFile(project.at('broken/005.png'))).subarray(0, 60));
      },
    ],
  ];
  it.each(cases.map(([what, words, message, prepare]) => [what, { words, message, ...(prepare && { prepare }) }] as [string, Refused]))('%s', async (_, { words, message, prepare }) => {
    await prepare?.();
    const ran = await evaluate(...words);
    expect(ran.stderr).toMatch(message);
    expect(ran.code).toBe(2);
    expect(outputs.error.parse(ran.json()).exitCode).toBe(2);
  }); // prettier-ignore
});
