import { unzipSync } from 'fflate';
import { isTweedieError } from '../contracts/error.ts';
import { isKind, unpickle } from './pickle.ts';
import { BYTES, type LoadedTensor } from './safetensors.ts';
import { refusing, tensorsOf, torchPickle, type Storage } from './torch-tensor.ts';

/**
 * What `torch.save(model.state_dict(), path)` wrote, `.pth` or `.pt`, in either of its two formats:
 *
 * - a zip of stored files, since PyTorch 1.6: `data.pkl`, `data/<key>` and perhaps `byteorder`, in one folder;
 * - before it, pickles in a row (a magic number, protocol 1001, facts about the system, the state dict, the keys of the storages), and then,
 *   key by key, an int64 count and the raw values.
 *
 * The pickle is read by a reader that can import eleven names and no more (`pickle.ts`); a file is never run. Offsets and strides are
 * honoured; half types are widened as in `decodeSafetensors`. `subject` names the file in errors. The arrays are copies, four times the
 * file at most. @throws with `code: 'TRUNCATED'` where the file ends too early, `'TORCHSCRIPT'` where it is a program (`torch.jit.save`),
 * and `'FORBIDDEN_GLOBAL'` where its pickle imports anything else.
 */
export const decodeTorch = (bytes: Uint8Array, subject: string): Readonly<Record<string, LoadedTensor>> => {
  if (LEGACY.every((byte, i) => bytes[i] === byte)) return decodeLegacy(bytes, subject);
  if (ZIP.every((byte, i) => bytes[i] === byte)) return decodeZip(bytes, subject);
  return refusing(subject)('this is no file of torch.save', `${bytes.length} bytes`, 'a .pth or .pt with a state dict');
};

/** The pickled magic number 0x1950a86a20f9469cfc6c of the legacy format: PROTO 2, LONG1 of ten bytes, STOP. */
const LEGACY = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
const ZIP = [0x50, 0x4b, 3, 4];
const LEGACY_PROTOCOL = 1001;

const decodeLegacy = (bytes: Uint8Array, subject: string): Record<string, LoadedTensor> => {
  const refuse = refusing(subject);
  const storages = new Map<string, Storage>();
  const options = torchPickle(subject, storages);
  const protocol = unpickle(bytes, LEGACY.length, options);
  if (protocol.value !== LEGACY_PROTOCOL)
    return refuse('its protocol is not read', typeof protocol.value === 'number' ? protocol.value : 'none', `${LEGACY_PROTOCOL}`);
  const system = unpickle(bytes, protocol.end, options);
  if (!isKind(system.value, 'dict') || system.value.entries.get('little_endian') !== true)
    return refuse('its values are not little-endian', undefined, 'a file of a little-endian machine');
  const dict = unpickle(bytes, system.end, options);
  const keys = unpickle(bytes, dict.end, options);
  if (!isKind(keys.value, 'list')) return refuse('it has no list of storages', undefined, 'a list of keys');

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<string, Uint8Array>();
  let at = keys.end;
  for (const key of keys.value.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || found.has(storage.key))
      return refuse(
        'it lists a storage that no tensor refers to, or twice',
        typeof key === 'string' ? key : typeof key,
        'each storage once',
      );
    const length = storage.count * BYTES[storage.dtype];
    if (length + 8 > bytes.length - at)
      return refuse(`the file ends within storage "${storage.key}"`, `${bytes.length} bytes`, `at least ${at + 8 + length}`, 'TRUNCATED');
    const count = view.getBigInt64(at, true);
    if (count !== BigInt(storage.count)) return refuse(`storage "${storage.key}" has another length`, count, `${storage.count} values`);
    found.set(storage.key, bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  if (at !== bytes.length) return refuse('there are bytes after the last storage', `${bytes.length - at} bytes`, 'none');
  return tensorsOf(dict.value, bytes.length, subject, ({ key }) => found.get(key) ?? refuse(`storage "${key}" is not in the file`));
};

const decodeZip = (bytes: Uint8Array, subject: string): Record<string, LoadedTensor> => {
  const refuse = refusing(subject);
  const files = unpacked(bytes, subject);
  const inner = (path: string): Uint8Array | undefined => files.get(path);
  if (inner('constants.pkl') !== undefined)
    return refuse(
      'this is a TorchScript archive, a program with its constants',
      undefined,
      'a state dict: torch.save(model.state_dict(), …)',
      'TORCHSCRIPT',
    );
  const order = inner('byteorder');
  if (order !== undefined && new TextDecoder().decode(order).trim() !== 'little')
    return refuse('its values are not little-endian', new TextDecoder().decode(order.subarray(0, 20)), "'little'");
  const pickle = inner('data.pkl') ?? refuse('the archive holds no data.pkl', undefined, 'a zip of torch.save');
  const { value, end } = unpickle(pickle, 0, torchPickle(subject, new Map()));
  if (end !== pickle.length) return refuse('there are bytes after its pickle', `${pickle.length - end} bytes`, 'none');
  return tensorsOf(value, bytes.length, subject, ({ key, dtype, count }) => {
    const stored = inner(`data/${key}`) ?? refuse(`storage "${key}" is not in the archive`);
    if (stored.length !== count * BYTES[dtype])
      return refuse(`storage "${key}" has another length`, `${stored.length} bytes`, `${count * BYTES[dtype]} for ${dtype} × ${count}`);
    return stored;
  });
};

/** The files of the archive by their paths within its one folder. torch.save stores and never deflates, so they are no larger than the archive. */
const unpacked = (bytes: Uint8Array, subject: string): ReadonlyMap<string, Uint8Array> => {
  const refuse = refusing(subject);
  const sizes = new Map<string, number>();
  let [entries, total] = [0, 0];
  const filter = ({
    name,
    size,
    originalSize,
    compression,
  }: {
    name: string;
    size: number;
    originalSize: number;
    compression: number;
  }): boolean => {
    if (++entries > bytes.length / 46)
      return refuse('its directory claims more files than would fit', entries, 'one of torch.save', 'TRUNCATED');
    const path = name.slice(name.indexOf('/') + 1);
    if (!/^(data\.pkl|constants\.pkl|byteorder|data\/\d+)$/.test(path)) return false;
    total += size;
    if (compression !== 0 || size !== originalSize || !(total <= bytes.length))
      return refuse(`"${path}" is packed, or lies about its size`, `${size} and ${originalSize} bytes`, 'stored files, as of torch.save');
    if (sizes.has(path)) return refuse(`"${path}" is in the archive twice`);
    sizes.set(path, size);
    return true;
  };
  try {
    const files = new Map(Object.entries(unzipSync(bytes, { filter })).map(([name, file]) => [name.slice(name.indexOf('/') + 1), file]));
    for (const [path, size] of sizes)
      if (files.get(path)?.length !== size)
        return refuse(`the file ends within "${path}"`, `${bytes.length} bytes`, undefined, 'TRUNCATED');
    return files;
  } catch (cause) {
    if (isTweedieError(cause)) throw cause;
    return refuse('its zip archive cannot be read to the end', `${bytes.length} bytes`, 'a whole file of torch.save', 'TRUNCATED');
  }
};
