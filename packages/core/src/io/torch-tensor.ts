import { tweedieError } from '../contracts/error.ts';
import { emptyDict, isKind, type Pickled, type PickleOptions, type PyGlobal, type Refuse } from './pickle.ts';
import { BYTES, isWholeList, valuesOf, type Dtype, type LoadedTensor } from './safetensors.ts';

/** The persistent id of a state dict: values that lie elsewhere in the file, under a key. */
export interface Storage {
  readonly kind: 'storage';
  readonly dtype: Dtype;
  readonly key: string;
  /** Values, not bytes. */
  readonly count: number;
}
/** A window on a storage, as `torch._utils._rebuild_tensor_v2` is told of it. Checked to lie within. */
export interface Strided {
  readonly kind: 'strided';
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}
export type TorchValue = Storage | Strided;

const STORAGES: Readonly<Record<string, Dtype>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};
/** What the tensors of a file may be together, in lengths of the file: weights may be tied, and windows may overlap. */
const SHARING = 4;

/** Torch's own limit of axes. */
const RANK = 64;

const kindOf = (value: Pickled<TorchValue> | undefined): string | undefined =>
  typeof value === 'object' && value !== null ? value.kind : undefined;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The eleven names that a state dict imports, and what its persistent ids mean. Storages met are put into `storages`, by key. */
export const torchPickle = (subject: string, storages: Map<string, Storage>): PickleOptions<TorchValue> => {
  const refuse = refusing(subject);
  const strided = (args: readonly Pickled<TorchValue>[]): Strided => {
    const [storage, offset, size, stride] = args;
    if (
      kindOf(storage) !== 'storage' ||
      !isCount(offset) ||
      size === undefined ||
      stride === undefined ||
      !isKind(size, 'tuple') ||
      !isKind(stride, 'tuple')
    )
      return refuse('a tensor is not described as torch does it', args.length, '(storage, offset, size, stride, …)');
    const [shape, strides] = [size.items, stride.items];
    if (!isWholeList(shape) || !isWholeList(strides) || shape.length !== strides.length || shape.length > RANK)
      return refuse(
        'a tensor has no proper size and stride',
        `${shape.length} and ${strides.length} axes`,
        `as many integers ≥ 0 in both, at most ${RANK}`,
      );
    const made: Strided = { kind: 'strided', storage: storage as Storage, offset, shape, strides };
    const count = countOf(shape);
    const reach = count === 0 ? offset : shape.reduce((last, n, axis) => last + (n - 1) * strides[axis]!, offset + 1);
    if (!Number.isSafeInteger(reach) || reach > made.storage.count)
      return refuse('a tensor reaches beyond its storage', `${reach} values`, `at most ${made.storage.count}`);
    if (count > made.storage.count)
      return refuse(
        'a tensor is larger than its storage',
        `[${shape.join(', ')}]`,
        `at most ${made.storage.count} values; save a contiguous copy`,
      );
    return made;
  };
  const made = (name: string, call?: PyGlobal<TorchValue>['call']): readonly [string, PyGlobal<TorchValue>] => [
    name,
    call === undefined ? { kind: 'global', name } : { kind: 'global', name, call },
  ];
  return {
    subject,
    globals: new Map([
      made('torch._utils._rebuild_tensor_v2', strided),
      made('torch._utils._rebuild_parameter', ([data]) =>
        kindOf(data) === 'strided' ? data! : refuse('a parameter is made of no tensor', kindOf(data) ?? typeof data, 'a tensor'),
      ),
      made('collections.OrderedDict', (args) =>
        args.length === 0 ? emptyDict() : refuse('an ordered dict is made of arguments', args.length, 'none, as torch.save writes it'),
      ),
      ...Object.keys(STORAGES).map((name) => made(`torch.${name}`)),
    ]),
    persistent: (id) => {
      const [word, type, key, , count, view = null] = isKind(id, 'tuple') ? id.items : [];
      const dtype = type !== undefined && isKind(type, 'global') ? STORAGES[type.name.slice('torch.'.length)] : undefined;
      if (word !== 'storage' || dtype === undefined || typeof key !== 'string' || !isCount(count) || view !== null)
        return refuse('it refers to something else than a storage', undefined, "('storage', type, key, device, count)");
      const known = storages.get(key);
      if (known !== undefined && (known.dtype !== dtype || known.count !== count))
        return refuse(`storage "${key}" is described in two ways`, `${dtype} × ${count}`, `${known.dtype} × ${known.count}`);
      const storage = known ?? { kind: 'storage', dtype, key, count };
      storages.set(key, storage);
      return storage;
    },
  };
};

/** The tensors of a dict of name → tensor; `bytesOf` finds the bytes of a storage, checked to be as many as it says. */
export const tensorsOf = (
  dict: Pickled<TorchValue>,
  fileLength: number,
  subject: string,
  bytesOf: (storage: Storage) => Uint8Array,
): Record<string, LoadedTensor> => {
  const refuse = refusing(subject);
  if (!isKind(dict, 'dict'))
    return refuse('it holds no state dict', kindOf(dict) ?? typeof dict, 'tensors by name, as of torch.save(model.state_dict(), …)');
  const tensors = Object.create(null) as Record<string, LoadedTensor>;
  let total = 0;
  for (const [name, value] of dict.entries) {
    if (typeof name !== 'string') return refuse('its state dict has a key that is no name', typeof name, 'tensors by name');
    if (typeof value !== 'object' || value === null || value.kind !== 'strided')
      return refuse(
        `"${name}" is no tensor`,
        value === null ? 'None' : (kindOf(value) ?? typeof value),
        'tensors by name; save the state dict alone',
      );
    const { storage, shape } = value;
    const count = countOf(shape);
    total += count * BYTES[storage.dtype];
    if (total > SHARING * fileLength)
      return refuse(
        'its tensors are larger than the file that holds them',
        `more than ${SHARING} × ${fileLength} bytes`,
        'tensors of their own',
      );
    tensors[name] = { dtype: storage.dtype, shape, data: valuesOf(gathered(value, bytesOf(storage)), storage.dtype, count, name, refuse) };
  }
  return tensors;
};

/** A contiguous copy of the values of a window. */
const gathered = ({ storage, offset, shape, strides }: Strided, bytes: Uint8Array): Uint8Array => {
  const width = BYTES[storage.dtype];
  const count = countOf(shape);
  const dense = shape.every((n, axis) => n === 1 || strides[axis] === countOf(shape.slice(axis + 1)));
  if (dense || count === 0) return new Uint8Array(bytes.subarray(offset * width, (offset + count) * width));
  const out = new Uint8Array(count * width);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < count; to++) {
    for (let byte = 0; byte < width; byte++) out[to * width + byte] = bytes[from * width + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
};

const countOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

export const refusing =
  (subject: string): Refuse =>
  (problem, got, expected, code) => {
    throw tweedieError({
      subject,
      problem,
      got,
      ...(expected === undefined ? {} : { expected }),
      ...(code === undefined ? {} : { code }),
    });
  };
