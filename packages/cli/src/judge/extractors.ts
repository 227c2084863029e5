import { resolve } from 'node:path';
import { tweedieError, type Dataset, type Extractor } from '@tweedie/core';
import { meant } from '../config/nearest.ts';

/** An extractor by name, as `--extractor NAME[:FILE]` gives it. */
export interface ExtractorSource {
  readonly name: ExtractorName;
  /** Of its weights, where they do not ship with the metrics. */
  readonly file?: string;
}

interface Entry {
  /** What is made of the real data: nothing, for a network with weights of its own. */
  readonly make: (source: ExtractorSource, reference: Pick<Dataset, 'id' | 'shape' | 'size' | 'rows'>, seed: bigint) => Promise<Extractor>;
  /** The shape that it takes, where it takes no other. */
  readonly shape?: readonly number[];
  /** Whether it needs a file of weights. */
  readonly file?: true;
  /** A network that a worker can load from its source alone. */
  readonly dealt?: true;
  /** Whether its logits are of the classes of the data. */
  readonly classifies?: true;
}

/** Every extractor that images can be judged by: the one table of them. */
const EXTRACTORS = {
  mnistnet: {
    shape: [28, 28, 1],
    dealt: true,
    classifies: true,
    make: async () => (await import('@tweedie/metrics/node')).loadMnistnet(),
  },
  pixels: {
    make: async (_, { shape }) => (await import('@tweedie/metrics')).rawExtractor(shape),
  },
} as const satisfies Readonly<Record<string, Entry>>;

export type ExtractorName = keyof typeof EXTRACTORS;
export const EXTRACTOR_NAMES = Object.keys(EXTRACTORS) as readonly ExtractorName[];

const entryOf = (name: ExtractorName): Entry => EXTRACTORS[name];

/** Reads `NAME[:FILE]`. Refuses unknown names, a file too many and one too few. */
export const extractorSource = (text: string, cwd: string): ExtractorSource => {
  const [, name = '', file] = /^([^:]*)(?::(.*))?$/s.exec(text)!;
  const subject = 'extractor';
  if (!Object.hasOwn(EXTRACTORS, name))
    throw tweedieError({
      subject,
      problem: 'there is no extractor of this name',
      got: name,
      expected: EXTRACTOR_NAMES.join(', '),
      remedy: `${meant(name, EXTRACTOR_NAMES)}judge without one by sliced-wasserstein or mmd`,
    });
  const known = name as ExtractorName;
  if (entryOf(known).file === true && (file ?? '') === '')
    throw tweedieError({ subject, problem: `${name} has no weights of its own`, got: text, expected: `${name}:FILE` });
  if (entryOf(known).file !== true && file !== undefined)
    throw tweedieError({ subject, problem: `${name} takes no file`, got: text, expected: name });
  return Object.freeze({ name: known, ...(file === undefined ? {} : { file: resolve(cwd, file) }) });
};

/** The extractor that data of this name and shape are judged by unless somebody says otherwise: points by themselves, other images by none. */
export const extractorFor = (use: string | undefined, { shape }: Pick<Dataset, 'shape'>): ExtractorSource | undefined => {
  if (shape.length === 1) return { name: 'pixels' };
  const name = use === undefined ? undefined : BY_DATA[use];
  return name !== undefined && entryOf(name).shape?.join() === shape.join() ? { name } : undefined;
};

const BY_DATA: Readonly<Record<string, ExtractorName>> = { mnist: 'mnistnet' };

/** Makes an extractor. Refuses real data that it was not made for. An engine must have been selected where it is made of data. */
export const openExtractor = async (
  source: ExtractorSource,
  reference: Pick<Dataset, 'id' | 'shape' | 'size' | 'rows'>,
  seed: bigint,
): Promise<Extractor> => {
  const { shape, make } = entryOf(source.name);
  if (shape !== undefined && shape.join() !== reference.shape.join())
    throw tweedieError({
      subject: `extractor ${source.name}`,
      problem: 'the images are not those that it was made for',
      got: `[${reference.shape.join(', ')}]`,
      expected: `[${shape.join(', ')}]${reference.shape.at(-1) === 1 && shape.at(-1) === 3 ? ', in colour: grey repeated three times is nothing that it has seen' : ''}`,
      remedy: 'choose another extractor, or sliced-wasserstein and mmd, which need none',
    });
  return make(source, reference, seed);
};

/** Whether a worker can load it from its source alone. */
export const isDealt = ({ name }: ExtractorSource): boolean => entryOf(name).dealt === true;

/** Whether its logits are of the classes of the data that it is the extractor of. */
export const isClassifier = ({ name }: ExtractorSource): boolean => entryOf(name).classifies === true;
