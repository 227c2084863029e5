import { tweedieError } from '../contracts/error.ts';

/**
 * A reader of Python pickles that can build nothing but plain data: protocol 2, as `torch.save` writes it, and of its operations only
 * those that a state dict is made of. A pickle is a program; this one has no way to import: a global is looked up in a table of
 * the caller's, by its full name, and everything else is refused by name. Nothing is nested by recursion, memory is linear in the
 * number of operations, and that number is bounded. What the format means: Python's `pickletools`.
 */

/** What a pickle may hold. `T` is what the caller's globals and persistent ids make. */
export type Pickled<T> = null | boolean | number | string | T | PyGlobal<T> | PyTuple<T> | PyList<T> | PyDict<T>;
export interface PyTuple<T> {
  readonly kind: 'tuple';
  readonly items: readonly Pickled<T>[];
}
interface PyList<T> {
  readonly kind: 'list';
  readonly items: Pickled<T>[];
}
export interface PyDict<T> {
  readonly kind: 'dict';
  readonly entries: Map<Pickled<T>, Pickled<T>>;
}
/** A name that a pickle may import; without `call` it is a mere word. */
export interface PyGlobal<T> {
  readonly kind: 'global';
  readonly name: string;
  readonly call?: (args: readonly Pickled<T>[]) => Pickled<T>;
}

/** @throws always, a {@link tweedieError}. */
export type Refuse = (problem: string, got?: unknown, expected?: string, code?: string) => never;

export interface PickleOptions<T> {
  readonly globals: ReadonlyMap<string, PyGlobal<T>>;
  /** The object that a persistent id stands for. */
  readonly persistent: (id: Pickled<T>) => T;
  readonly subject: string;
}

/** Operations of one pickle at most: a state dict takes about 35 a tensor. */
const OPERATIONS = 2 ** 20;
/** The mark that a run of items starts at. */
const MARK = Symbol('mark');

/** One pickle, from `at` on; `end` is the offset behind it. */
export const unpickle = <T>(
  bytes: Uint8Array,
  at: number,
  { globals, persistent, subject }: PickleOptions<T>,
): { readonly value: Pickled<T>; readonly end: number } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: (Pickled<T> | typeof MARK)[] = [];
  const memo = new Map<number, Pickled<T>>();
  let end = at;

  const refuse: Refuse = (problem, got, expected, code) => {
    throw tweedieError({ subject, problem, got, ...(expected === undefined ? {} : { expected }), ...(code === undefined ? {} : { code }) });
  };
  const damaged = (what: string): never => refuse(`its pickle is damaged: ${what} at offset ${end - 1}`);
  /** The offset of the next `count` bytes, which are taken. */
  const take = (count: number): number => {
    if (count > bytes.length - end)
      return refuse('the file ends within its pickle', `${bytes.length} bytes`, `at least ${end + count}`, 'TRUNCATED');
    end += count;
    return end - count;
  };
  const line = (): string => {
    const stop = bytes.indexOf(0x0a, end);
    const length = stop < 0 ? bytes.length - end + 1 : stop - end + 1;
    if (length > 256 && stop >= 0) return damaged('a name of more than 255 bytes');
    const from = take(length);
    return text(bytes.subarray(from, end - 1));
  };
  const text = (part: Uint8Array): string => {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(part);
    } catch {
      return damaged('a string that is no UTF-8');
    }
  };
  const string = (length: number): string => {
    const from = take(length);
    return text(bytes.subarray(from, end));
  };
  const pop = (): Pickled<T> => {
    const value = stack.pop();
    return value === undefined || value === MARK ? damaged('nothing on the stack') : value;
  };
  const top = (): Pickled<T> => {
    const value = stack.at(-1);
    return value === undefined || value === MARK ? damaged('nothing on the stack') : value;
  };
  const popToMark = (): Pickled<T>[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) return damaged('no mark');
    const items = stack.splice(mark + 1) as Pickled<T>[];
    stack.pop();
    return items;
  };
  const tuple = (items: readonly Pickled<T>[]): PyTuple<T> => ({ kind: 'tuple', items });
  const tupleOf = (count: number): PyTuple<T> => tuple(Array.from({ length: count }, pop).reverse());
  const remember = (index: number): void => void memo.set(index, top());
  const recall = (index: number): Pickled<T> => memo.get(index) ?? damaged('a memo that was never set');
  const append = (items: readonly Pickled<T>[]): void => {
    const list = top();
    if (!isKind(list, 'list')) return damaged('no list to append to');
    for (const item of items) list.items.push(item);
  };
  const setItems = (items: readonly Pickled<T>[]): void => {
    const dict = top();
    if (!isKind(dict, 'dict') || items.length % 2 !== 0) return damaged('no dict to set items of');
    for (let i = 0; i < items.length; i += 2) dict.entries.set(items[i]!, items[i + 1]!);
  };
  const lookUp = (module: string, name: string): PyGlobal<T> =>
    globals.get(`${module}.${name}`) ??
    refuse(
      'it wants to import what a state dict has no need of, which may run code',
      `${module}.${name}`,
      'tensors and ordered dicts alone',
      'FORBIDDEN_GLOBAL',
    );
  const reduce = (callee: Pickled<T>, args: Pickled<T>): Pickled<T> => {
    if (!isKind(callee, 'global') || callee.call === undefined || !isKind(args, 'tuple')) return damaged('a call of what is no function');
    return callee.call(args.items);
  };
  const long = (length: number): number => {
    const from = take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i]!);
    const signed = length > 0 && bytes[end - 1]! >= 128 ? value - (1n << BigInt(8 * length)) : value;
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : damaged('an integer beyond 2⁵³');
  };

  for (let count = 0; ; count++) {
    if (count === OPERATIONS) return refuse('its pickle is longer than any state dict', `more than ${OPERATIONS} operations`);
    const code = bytes[take(1)]!;
    switch (code) {
      case 0x80: // PROTO
        if (bytes[take(1)]! > 2) return refuse('its pickle protocol is not read', bytes[end - 1], '2, the default of torch.save');
        break;
      case 0x2e: {
        // STOP
        const value = pop();
        return stack.length > 0 ? damaged('values left over') : { value, end };
      }
      case 0x28: stack.push(MARK); break; // prettier-ignore
      case 0x4e: stack.push(null); break; // prettier-ignore
      case 0x88: stack.push(true); break; // prettier-ignore
      case 0x89: stack.push(false); break; // prettier-ignore
      case 0x4b: stack.push(bytes[take(1)]!); break; // prettier-ignore
      case 0x4d: stack.push(view.getUint16(take(2), true)); break; // prettier-ignore
      case 0x4a: stack.push(view.getInt32(take(4), true)); break; // prettier-ignore
      case 0x47: stack.push(view.getFloat64(take(8), false)); break; // prettier-ignore
      case 0x8a: stack.push(long(bytes[take(1)]! <= 8 ? bytes[end - 1]! : damaged('an integer beyond 2⁵³'))); break; // prettier-ignore
      case 0x58:
        stack.push(string(view.getUint32(take(4), true)));
        break; // BINUNICODE // prettier-ignore
      case 0x54:
        stack.push(string(view.getUint32(take(4), true)));
        break; // BINSTRING, of Python 2 // prettier-ignore
      case 0x55:
        stack.push(string(bytes[take(1)]!));
        break; // SHORT_BINSTRING, of Python 2 // prettier-ignore
      case 0x5d: stack.push({ kind: 'list', items: [] }); break; // prettier-ignore
      case 0x7d: stack.push(emptyDict()); break; // prettier-ignore
      case 0x29: stack.push(tuple([])); break; // prettier-ignore
      case 0x74: stack.push(tuple(popToMark())); break; // prettier-ignore
      case 0x85: stack.push(tupleOf(1)); break; // prettier-ignore
      case 0x86: stack.push(tupleOf(2)); break; // prettier-ignore
      case 0x87: stack.push(tupleOf(3)); break; // prettier-ignore
      case 0x61: append([pop()]); break; // prettier-ignore
      case 0x65: append(popToMark()); break; // prettier-ignore
      case 0x73: setItems(tupleOf(2).items); break; // prettier-ignore
      case 0x75: setItems(popToMark()); break; // prettier-ignore
      case 0x71: remember(bytes[take(1)]!); break; // prettier-ignore
      case 0x72: remember(view.getUint32(take(4), true)); break; // prettier-ignore
      case 0x68: stack.push(recall(bytes[take(1)]!)); break; // prettier-ignore
      case 0x6a: stack.push(recall(view.getUint32(take(4), true))); break; // prettier-ignore
      case 0x63:
        stack.push(lookUp(line(), line()));
        break; // GLOBAL // prettier-ignore
      case 0x51:
        stack.push(persistent(pop()));
        break; // BINPERSID // prettier-ignore
      case 0x52: {
        // REDUCE
        const args = pop();
        stack.push(reduce(pop(), args));
        break;
      }
      case 0x62: // BUILD: the attributes of an ordered dict (`_metadata`) say nothing about its tensors
        pop();
        if (!isKind(top(), 'dict')) return damaged('attributes of what has none');
        break;
      default:
        return refuse(
          'its pickle uses an operation that no state dict needs',
          `0x${code.toString(16).padStart(2, '0')} at offset ${end - 1}`,
        );
    }
  }
};

export const emptyDict = <T>(): PyDict<T> => ({ kind: 'dict', entries: new Map() });

/** Whether `value` is Python's … */
export const isKind = <T, K extends 'tuple' | 'list' | 'dict' | 'global'>(
  value: Pickled<T>,
  kind: K,
): value is Extract<PyTuple<T> | PyList<T> | PyDict<T> | PyGlobal<T>, { kind: K }> =>
  typeof value === 'object' && value !== null && (value as { readonly kind?: unknown }).kind === kind;
