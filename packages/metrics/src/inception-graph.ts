/**
 * The body of Inception-v3 as data: C. Szegedy et al. (1512.00567), in the form of the graph `inception-2015-12-05`, whose weights
 * M. Heusel et al. (1706.08500) and T. Salimans et al. (1606.03498) measure with. 94 convolutions, each with batch normalisation and ReLU.
 *
 * It differs from torchvision's `inception_v3` in four places: the average pools of the blocks A and C and of Mixed_7b leave padding out of
 * their mean, and the pool of Mixed_7c is a maximum; the classes are 1008; the input is (byte − 128)/128. Names are torchvision's.
 */

export interface Convolution {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Height, width. */
  readonly kernel: readonly [number, number];
  readonly stride: 1 | 2;
  readonly pad: 'same' | 'valid';
}
/** `mean` and `max`: 3×3, stride 1, padding left out; `halve`: the maximum, 3×3, stride 2, no padding. */
export type Pool = 'mean' | 'max' | 'halve';
/** Branches that all see the input, joined along the channels. */
export interface Beside {
  readonly branches: readonly (readonly Step[])[];
}
export type Step = Convolution | Pool | Beside;

/** Name, channels, kernel, and where it is not padded to `same` size, how: `/2` is stride 2. */
type Link = Pool | readonly [name: string, to: number, kernel?: `${number}x${number}`, how?: 'valid' | '/2'] | { readonly name: string; readonly branches: readonly (readonly Link[])[] }; // prettier-ignore

const linked = (prefix: string, from: number, links: readonly Link[]): { readonly steps: readonly Step[]; readonly to: number } => {
  let channels = from;
  const steps = links.map((link): Step => {
    if (typeof link === 'string') return link;
    if ('branches' in link) {
      const branches = link.branches.map((branch) => linked(`${prefix}${link.name}`, channels, branch));
      channels = branches.reduce((sum, { to }) => sum + to, 0);
      return { branches: branches.map((branch) => branch.steps) };
    }
    const [name, to, kernel = '1x1', how] = link;
    const [height, width] = kernel.split('x').map(Number) as [number, number];
    const step: Convolution = {
      name: `${prefix}${name}`,
      from: channels,
      to,
      kernel: [height, width],
      stride: how === '/2' ? 2 : 1,
      pad: how === undefined ? 'same' : 'valid',
    };
    channels = to;
    return step;
  });
  return { steps, to: channels };
};

const a = (name: string, pooled: number): Link => ({
  name: `${name}.`,
  branches: [
    [['branch1x1', 64]],
    [['branch5x5_1', 48], ['branch5x5_2', 64, '5x5']],
    [['branch3x3dbl_1', 64], ['branch3x3dbl_2', 96, '3x3'], ['branch3x3dbl_3', 96, '3x3']],
    ['mean', ['branch_pool', pooled]],
  ],
}); // prettier-ignore
const c = (name: string, narrow: number): Link => ({
  name: `${name}.`,
  branches: [
    [['branch1x1', 192]],
    [['branch7x7_1', narrow], ['branch7x7_2', narrow, '1x7'], ['branch7x7_3', 192, '7x1']],
    [['branch7x7dbl_1', narrow], ['branch7x7dbl_2', narrow, '7x1'], ['branch7x7dbl_3', narrow, '1x7'], ['branch7x7dbl_4', narrow, '7x1'], ['branch7x7dbl_5', 192, '1x7']],
    ['mean', ['branch_pool', 192]],
  ],
}); // prettier-ignore
const e = (name: string, pool: Pool): Link => ({
  name: `${name}.`,
  branches: [
    [['branch1x1', 320]],
    [['branch3x3_1', 384], { name: '', branches: [[['branch3x3_2a', 384, '1x3']], [['branch3x3_2b', 384, '3x1']]] }],
    [['branch3x3dbl_1', 448], ['branch3x3dbl_2', 384, '3x3'], { name: '', branches: [[['branch3x3dbl_3a', 384, '1x3']], [['branch3x3dbl_3b', 384, '3x1']]] }],
    [pool, ['branch_pool', 192]],
  ],
}); // prettier-ignore

/** [B, 299, 299, 3] → [B, 8, 8, 2048]. */
export const INCEPTION: readonly Step[] = linked('', 3, [
  ['Conv2d_1a_3x3', 32, '3x3', '/2'],
  ['Conv2d_2a_3x3', 32, '3x3', 'valid'],
  ['Conv2d_2b_3x3', 64, '3x3'],
  'halve',
  ['Conv2d_3b_1x1', 80],
  ['Conv2d_4a_3x3', 192, '3x3', 'valid'],
  'halve',
  a('Mixed_5b', 32),
  a('Mixed_5c', 64),
  a('Mixed_5d', 64),
  {
    name: 'Mixed_6a.',
    branches: [
      [['branch3x3', 384, '3x3', '/2']],
      [['branch3x3dbl_1', 64], ['branch3x3dbl_2', 96, '3x3'], ['branch3x3dbl_3', 96, '3x3', '/2']],
      ['halve'],
    ],
  },
  c('Mixed_6b', 128),
  c('Mixed_6c', 160),
  c('Mixed_6d', 160),
  c('Mixed_6e', 192),
  {
    name: 'Mixed_7a.',
    branches: [
      [['branch3x3_1', 192], ['branch3x3_2', 320, '3x3', '/2']],
      [['branch7x7x3_1', 192], ['branch7x7x3_2', 192, '1x7'], ['branch7x7x3_3', 192, '7x1'], ['branch7x7x3_4', 192, '3x3', '/2']],
      ['halve'],
    ],
  },
  e('Mixed_7b', 'mean'),
  e('Mixed_7c', 'max'),
]).steps; // prettier-ignore

export const INCEPTION_SIZE = 299;
export const INCEPTION_FEATURES = 2048;
export const INCEPTION_CLASSES = 1008;

/** The convolutions of these steps, in order. */
export const convolutionsOf = (steps: readonly Step[]): readonly Convolution[] =>
  steps.flatMap((step) => (typeof step === 'string' ? [] : 'branches' in step ? step.branches.flatMap(convolutionsOf) : [step]));

/** Name → shape of everything in the state dict, PyTorch's layouts: 566 tensors, 23 885 486 numbers. */
export const inceptionShapes = (): Readonly<Record<string, readonly number[]>> => ({
  ...Object.fromEntries(
    convolutionsOf(INCEPTION).flatMap(({ name, from, to, kernel }): (readonly [string, readonly number[]])[] => [
      [`${name}.conv.weight`, [to, from, ...kernel]],
      ...(['weight', 'bias', 'running_mean', 'running_var'] as const).map((part) => [`${name}.bn.${part}`, [to]] as const),
      [`${name}.bn.num_batches_tracked`, []],
    ]),
  ),
  'fc.weight': [INCEPTION_CLASSES, INCEPTION_FEATURES],
  'fc.bias': [INCEPTION_CLASSES],
});
