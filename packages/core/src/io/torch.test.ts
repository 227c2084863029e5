import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTweedieError } from '../contracts/error.ts';
import { decodeTorch } from './torch.ts';

/** Files of torch 2.15: test/torch/make.py. */
const file = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../test/torch/${name}`, import.meta.url)));
const expected = JSON.parse(new TextDecoder().decode(file('expected.json'))) as Record<string, { shape: number[]; data: number[] }>;

const ascii = (text: string): number[] => [...text].map((c) => c.charCodeAt(0));
const string = (text: string): number[] => [0x58, text.length, 0, 0, 0, ...ascii(text)];
const int = (n: number): number[] => [0x4a, n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255];
const tuple = (...items: number[][]): number[] => [0x28, ...items.flat(), 0x74];
const global = (name: string): number[] => {
  const dot = name.lastIndexOf('.');
  return [0x63, ...ascii(`${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`)];
};
const dict = (...items: number[][]): number[] => [0x7d, 0x28, ...items.flat(), 0x75];
const storage = (count: number, type = 'FloatStorage'): number[] => [
  ...tuple(string('storage'), global(`torch.${type}`), string('0'), string('cpu'), int(count), [0x4e]),
  0x51,
];
const tensor = (count: number, offset: number, size: number[], stride: number[]): number[] => [
  ...global('torch._utils._rebuild_tensor_v2'),
  ...tuple(storage(count), int(offset), tuple(...size.map(int)), tuple(...stride.map(int)), [0x89], [0x4e]),
  0x52,
];
const pickle = (...program: number[][]): number[] => [0x80, 2, ...program.flat(), 0x2e];
/** A legacy file of this pickle and one storage "0" of `count` floats. */
const legacy = (program: number[], count: number): Uint8Array =>
  Uint8Array.from([
    ...[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e],
    ...pickle([0x4d, 0xe9, 0x03]),
    ...pickle(dict(string('little_endian'), [0x88])),
    ...pickle(program),
    ...pickle([0x5d], string('0'), [0x61]),
    ...[count, 0, 0, 0, 0, 0, 0, 0],
    ...new Uint8Array(4 * count),
  ]);
const one = (program: number[], count: number): Uint8Array => legacy(dict(string('a'), program), count);

describe.each(['zip.pth', 'legacy.pth'])('a state dict of torch, %s', (name) => {
  const bytes = file(name);
  const tensors = decodeTorch(bytes, name);

  it('is read: every type, windows, strides, a scalar, parameters, attributes left alone', () => {
    expect(Object.keys(tensors)).toEqual(Object.keys(expected));
    for (const [key, { shape, data }] of Object.entries(expected)) {
      expect({ key, shape: tensors[key]!.shape, data: Array.from(tensors[key]!.data) }).toEqual({ key, shape, data });
    }
    const types = ['f64', 'f32', 'f16', 'bf16', 'i64', 'i32', 'u8', 'bool'];
    expect(types.map((key) => tensors[key]!.dtype)).toEqual(['F64', 'F32', 'F16', 'BF16', 'I64', 'I32', 'U8', 'BOOL']);
    expect(Array.from(tensors['transposed']!.data).slice(0, 4)).toEqual([0, 4, 8, 12]); // not 0, 1, 2, 3
  });

  it('is copied: the file may be overwritten', () => {
    const own = Uint8Array.from(bytes);
    const read = decodeTorch(own, name);
    own.fill(0);
    expect(Array.from(read['f32']!.data)).toEqual(expected['f32']!.data);
  });

  it('is never answered when it is cut short', () => {
    for (let length = 0; length < bytes.length; length++) expect(() => decodeTorch(bytes.slice(0, length), name)).toThrow(`[${name}]`);
  });

  it('answers bytes that were changed or cut with tensors or with one error of ours', () => {
    const flip = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 4 }), fc.nat(bytes.length), (flips, cut) => {
        const spoilt = Uint8Array.from(bytes.subarray(0, cut > bytes.length / 2 ? bytes.length : bytes.length - cut));
        for (const [at, by] of flips) if (at < spoilt.length) spoilt[at]! ^= by;
        try {
          const total = Object.values(decodeTorch(spoilt, name)).reduce((sum, { data }) => sum + data.byteLength, 0);
          expect(total).toBeLessThanOrEqual(8 * bytes.length);
        } catch (error) {
          if (!isTweedieError(error)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('what is no state dict', () => {
  it.each(['payload-zip.pth', 'payload-legacy.pth'])('%s, which would call os.system, is refused by that name', (name) => {
    expect(() => decodeTorch(file(name), name)).toThrow(/wants to import .*may run code: got posix\.system/);
  });

  it.each([
    ['module.pth', /got torch\.nn\.modules\.linear\.Linear/],
    ['checkpoint.pth', /"epoch" is no tensor: got number.*save the state dict alone/],
    ['expanded.pth', /larger than its storage: got \[1000\].*contiguous/],
    ['script.pt', /TorchScript archive/],
    ['expected.json', /no file of torch\.save/],
  ])('%s is refused', (name, message) => {
    expect(() => decodeTorch(file(name), name)).toThrow(message);
  });

  it.each([
    ['a global beyond the eleven', global('builtins.eval'), /import.*got builtins\.eval/],
    ['one of the prototype', global('toString.constructor'), /import.*got toString\.constructor/],
    ['a storage called', [...global('torch.FloatStorage'), 0x29, 0x52], /call of what is no function/],
    ['an ordered dict made of arguments', [...global('collections.OrderedDict'), ...tuple(int(1)), 0x52], /made of arguments/],
    ['a parameter of no tensor', [...global('torch._utils._rebuild_parameter'), ...tuple(int(1)), 0x52], /parameter is made of no tensor/],
    ['an operation beyond data', [0x81], /operation that no state dict needs: got 0x81/],
    ['protocol 4', [0x80, 4], /protocol is not read: got 4/],
    ['a persistent id of something else', [...tuple(string('module'), string('x')), 0x51], /something else than a storage/],
    ['a memo that was never set', [0x68, 9], /memo that was never set/],
    ['a mark that is missing', [0x74], /no mark/],
    ['an empty stack', [0x61], /nothing on the stack/],
    ['a window beyond its storage', tensor(4, 1, [2, 2], [2, 1]), /reaches beyond its storage: got 5 values.*at most 4/],
    ['strides beyond it', tensor(4, 0, [2, 2], [4, 1]), /reaches beyond its storage: got 6 values/],
    ['a shape whose product overflows', tensor(4, 0, [2 ** 30, 2 ** 30, 2 ** 30], [0, 0, 0]), /larger than its storage/],
    ['a negative size', tensor(4, 0, [-1], [1]), /no proper size/],
    ['a size of 65 axes', tensor(4, 0, new Array<number>(65).fill(1), new Array<number>(65).fill(1)), /no proper size.*at most 64/],
    ['a size without strides', tensor(4, 0, [2, 2], [2]), /no proper size and stride/],
  ])('%s is refused', (_, program, message) => {
    expect(() => decodeTorch(one(program, 4), 'f')).toThrow(message);
  });

  it('reads the honest neighbour of all these', () => {
    expect({ ...decodeTorch(one(tensor(4, 1, [3], [1]), 4), 'f') }).toEqual({ a: { dtype: 'F32', shape: [3], data: new Float32Array(3) } });
  });

  it('refuses counts and keys that disagree', () => {
    const good = one(tensor(4, 0, [4], [1]), 4);
    const lying = Uint8Array.from(good);
    lying[good.length - 16 - 8] = 5;
    expect(() => decodeTorch(lying, 'f')).toThrow(/storage "0" has another length: got 5, expected 4 values/);
    expect(() => decodeTorch(one(tensor(5, 0, [4], [1]), 4), 'f')).toThrow(/ends within storage "0"/);
    expect(() => decodeTorch(Uint8Array.of(...good, 0), 'f')).toThrow(/after the last storage: got 1 bytes/);
    expect(() => decodeTorch(one(int(1), 4), 'f')).toThrow(/no tensor refers to/);
    const twice = dict(string('a'), tensor(4, 0, [4], [1]), string('b'), tensor(3, 0, [3], [1]));
    expect(() => decodeTorch(legacy(twice, 4), 'f')).toThrow(/described in two ways/);
  });

  it('bounds what windows on one storage are together', () => {
    const first = [...tensor(200, 0, [200], [1]), 0x71, 0];
    const names = Array.from({ length: 40 }, (_, i) => [...string(`w${i}`), 0x68, 0]);
    expect(() => decodeTorch(legacy(dict(string('w'), first, ...names), 200), 'f')).toThrow(/larger than the file that holds them/);
    expect(Object.keys(decodeTorch(legacy(dict(string('w'), first, ...names.slice(0, 2)), 200), 'f'))).toEqual(['w', 'w0', 'w1']);
  });

  it('is not hung or crashed by loops, deep nesting and long programs', () => {
    const good = tensor(4, 0, [4], [1]);
    const loop = [...dict(string('a'), good), 0x71, 0, ...string('b'), 0x68, 0, 0x73]; // d["b"] = d
    expect(() => decodeTorch(legacy(loop, 4), 'f')).toThrow(/"b" is no tensor: got dict/);
    const deep = [0x5d, ...new Array<number>(50_000).fill(0x85)]; // ((((…[]…))))
    expect(() => decodeTorch(legacy(dict(string('a'), good, string('b'), deep), 4), 'f')).toThrow(/"b" is no tensor: got tuple/);
    expect(() => decodeTorch(legacy(new Array<number>(50_000).fill(0x28), 4), 'f')).toThrow(/nothing on the stack/);
    expect(() => decodeTorch(legacy(new Array<number>(2 ** 20).fill(0x7d), 4), 'f')).toThrow(/longer than any state dict/);
  });
});
