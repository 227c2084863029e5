import { readFileSync } from 'node:fs';
import { uniform } from './hashed.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** The state dict's names and shapes, in its order. */
export const names = JSON.parse(readFileSync(new URL('./names.json', import.meta.url), 'utf8')) as Shapes;

/** Weights by their place in the state dict, as inception.py fills it: He-uniform filters, statistics near those of a trained network. */
export const hashedState = (shapes: Shapes = names): Record<string, Float32Array> =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape], number) => {
      const count = shape.reduce((product, n) => product * n, 1);
      const last = name.slice(name.lastIndexOf('.') + 1);
      if (last === 'num_batches_tracked') return [name, new Float32Array(1)];
      const bound = shape.length > 1 ? Math.sqrt(6 / (count / shape[0]!)) : last === 'running_var' ? 0.5 : 0.1;
      const around = shape.length === 1 && (last === 'running_var' || last === 'weight') ? 1 : 0;
      const [values, u] = [new Float32Array(count), uniform(number, count)];
      for (let i = 0; i < count; i++) values[i] = around + bound * u[i]!;
      return [name, values];
    }),
  );

/** float32 tensors as the legacy format of torch.save, in memory. */
export const legacyFile = (tensors: Readonly<Record<string, Float32Array>>, shapes: Shapes = names): Uint8Array => {
  const text = (s: string): number[] => [0x58, ...uint32(s.length), ...new TextEncoder().encode(s)];
  const int = (n: number): number[] => [0x4a, ...uint32(n)];
  const tuple = (...items: number[][]): number[] => [0x28, ...items.flat(), 0x74];
  const pickle = (...program: number[][]): number[] => [0x80, 2, ...program.flat(), 0x2e];
  const global = (module: string, name: string): number[] => [0x63, ...new TextEncoder().encode(`${module}\n${name}\n`)];
  const keys = Object.keys(tensors);
  const dict = keys.flatMap((key) => {
    const shape = shapes[key]!;
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1));
    const id = tuple(text('storage'), global('torch', 'FloatStorage'), text(key), text('cpu'), int(tensors[key]!.length), [0x4e]);
    const args = tuple([...id, 0x51], int(0), tuple(...shape.map(int)), tuple(...strides.map(int)), [0x89], [0x4e]);
    return [...text(key), ...global('torch._utils', '_rebuild_tensor_v2'), ...args, 0x52];
  });
  const head = Uint8Array.from([
    ...[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e],
    ...pickle([0x4d, 0xe9, 3]),
    ...pickle([0x7d], text('little_endian'), [0x88, 0x73]),
    ...pickle([0x7d, 0x28], dict, [0x75]),
    ...pickle([0x5d, 0x28], ...keys.map(text), [0x65]),
  ]);
  const out = new Uint8Array(head.length + keys.reduce((sum, key) => sum + 8 + tensors[key]!.byteLength, 0));
  out.set(head);
  let at = head.length;
  for (const key of keys) {
    const { length, buffer, byteOffset, byteLength } = tensors[key]!;
    out.set(uint32(length), at);
    out.set(new Uint8Array(buffer, byteOffset, byteLength), at + 8);
    at += 8 + byteLength;
  }
  return out;
};

const uint32 = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];
