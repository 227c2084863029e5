import { scalar, type Tensor } from '@tensorflow/tfjs-core';
import { definePlugin, edm, provide, type OptionsSchema } from '@tweedie/core';
import { afterEach, describe, expect, it } from 'vitest';
import { checkReadmeBlock, checkReadmeNames } from './index.ts';
import { blocksOf } from './test-readme.ts';

const options: OptionsSchema<unknown, object> = {
  '~standard': {
    version: 1,
    vendor: 'planted',
    validate: () => ({ value: {} }),
    jsonSchema: {
      input: () => ({ type: 'object', properties: { eta: {}, parity: {} } }),
      output: () => ({}),
    },
  },
};
const plugin = definePlugin({
  name: 'tweedie-planted',
  version: '1.0.0',
  provides: [provide({ kind: 'schedule', name: 'bent', summary: 'Bent', options, create: () => edm() })],
});

describe('a README', () => {
  it.each([
    ['`bent` has `eta` and `parity`', undefined],
    ['bent has `eta` and `parity`', /README does not name all of schedule bent: expected `bent`;/],
    ['`bent` has eta, `eta0` and `parity`', /schedule bent: expected `eta`;/],
    ['`bent`', /schedule bent: expected `eta`, `parity`;/],
  ])('that says "%s"', (readme, complaint) => {
    const check = (): void => checkReadmeNames(plugin, readme);
    if (complaint === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(complaint);
  });

  it('has blocks at their lines, and none of another language', () => {
    const readme = 'One\n\n```sh\nls\n```\n\n```ts\nconst a = `b`;\n```\n\n```js\nc();\nd();\n```\n\n```ts no\n```\n';
    expect(blocksOf(readme)).toEqual([
      { language: 'ts', line: 7, code: 'const a = `b`;\n' },
      { language: 'js', line: 11, code: 'c();\nd();\n' },
    ]);
  });
});

// eslint-disable-next-line no-console -- what a README does
const print = (shown: unknown): void => console.log(shown);

describe('a block of a README', () => {
  const planted: Tensor[] = [];
  afterEach(() => planted.splice(0).forEach((left) => left.dispose()));

  it.each<readonly [what: string, run: () => Promise<unknown>, complaint: RegExp | undefined]>([
    ['prints', async () => print(1), undefined],
    ['prints nothing', async () => 1, /prints nothing/],
    ['leaves a tensor', async () => print(planted.push(scalar(1))), /tensors leak when its README is followed: got 1/],
    ['throws', () => Promise.reject(new Error('planted')), /^planted$/],
  ])('%s', async (_what, run, complaint) => {
    const before = globalThis.console.log;
    const checked = checkReadmeBlock('tweedie-planted', run);
    await (complaint === undefined ? checked : expect(checked).rejects.toThrow(complaint));
    expect(globalThis.console.log).toBe(before);
  });
});
