import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { createNoise, karras, STREAM } from '@tweedie/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, here, root, type Bundle } from './bundle.ts';
import { chromium, HEADLESS } from './chromium.ts';

/** core, networks and a sampler, bundled for the browser by vite from the same source that is published. */
const scratch = mkdtempSync(join(tmpdir(), 'tweedie-bundle-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Drawn {
  readonly values: readonly number[];
  readonly tensors: number;
}

/** Runs a bundle where there is no Node: no process, no require, only what a page has. */
const drawn = async (code: string): Promise<Drawn> => {
  const page: Record<string, unknown> = {
    performance,
    setTimeout,
    clearTimeout,
    console,
    TextEncoder,
    TextDecoder,
    document: {},
    navigator: {},
    URL,
  };
  page['window'] = page;
  return (await runInNewContext(`${code}\npage.draw()`, page)) as Drawn;
};

/** The container, and core's half for Node. */
const foreign = /[/\\](tsyringe|reflect-metadata)[/\\]|core[/\\]src[/\\](node[/\\]|plugin[/\\]container)/;
/** tfjs-core and its seedrandom ask for Node behind a condition, which a browser never meets. */
const ours = (asked: readonly string[]): string[] =>
  asked.filter((each) => !/ in .*node_modules[/\\](@tensorflow[/\\]tfjs-core|seedrandom)[/\\]/.test(each));

/** Heun's method on dy/dρ = y ρ/(1 + ρ²), in float64 on the host. */
const levels = karras({ steps: 3, max: 2, min: 0.1, zero: true });
const slope = (y: number, rho: number): number => (y * rho) / (1 + rho ** 2);
const expected = createNoise(17n)
  .hostNormal([4, 2], { stream: STREAM.prior })
  .map((z) => {
    let y = 2 * z;
    for (let i = 0; i < 3; i++) {
      const [rho, next] = [levels[i]!, levels[i + 1]!];
      const d = slope(y, rho);
      const predicted = y + (next - rho) * d;
      y = next === 0 ? predicted : y + (next - rho) * 0.5 * (d + slope(predicted, next));
    }
    return y;
  });

describe('bundled for the browser', () => {
  let page: Bundle;
  beforeAll(async () => {
    page = await bundle(join(here, 'page.ts'));
    const bytes = Buffer.from(page.code);
    console.log(
      `core + networks + sampler-classic + tfjs-core + the cpu engine: ${(bytes.length / 1024).toFixed(0)} KiB, ${(gzipSync(bytes).length / 1024).toFixed(0)} KiB gzipped`,
    );
  });

  it('contains nothing of Node and no container', () => {
    expect(page.modules.filter((id) => foreign.test(id))).toEqual([]);
    expect(ours(page.node)).toEqual([]);
    expect(page.imports).toEqual([]);
    expect(page.code).not.toMatch(/["'`]node:/);
    expect(page.code).not.toContain('Reflect.getMetadata');
  });

  it('would be caught if it did', async () => {
    const entry = join(scratch, 'planted.ts');
    writeFileSync(
      entry,
      `export { compose } from '${join(root, 'packages/core/src/plugin/container.ts')}';\nexport { readFileSync } from 'node:fs';\n`,
    );
    const { modules, node } = await bundle(entry);
    expect(modules.some((id) => /tsyringe/.test(id) && foreign.test(id))).toBe(true);
    expect(ours(node)).toEqual([`node:fs in ${entry}`]);
  });

  it('draws where there is no Node', async () => {
    const { values, tensors } = await drawn(page.code);
    expect(values).toHaveLength(8);
    values.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    expect(tensors).toBe(0);
  });

  it('draws the same in a browser', async (test) => {
    if (chromium === undefined) {
      console.log('skipped: chromium is not installed');
      return test.skip('chromium is not installed');
    }
    const html = join(scratch, 'index.html');
    const call = 'page.draw().then((r) => (out.textContent = JSON.stringify(r)), (e) => (out.textContent = JSON.stringify(String(e))));';
    writeFileSync(
      html,
      `<!doctype html><meta charset="utf-8"><pre id="out"></pre><script>${page.code.replaceAll('</script', '<\\/script')}\n${call}</script>`,
    );
    const dom = execFileSync(
      chromium,
      [
        ...HEADLESS,
        '--disable-gpu',
        `--user-data-dir=${join(scratch, 'profile')}`,
        '--virtual-time-budget=60000',
        '--dump-dom',
        pathToFileURL(html).href,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 120_000 },
    );
    const there = JSON.parse(/<pre id="out">(.*?)<\/pre>/s.exec(dom)?.[1] ?? 'null') as Drawn;
    const here = await drawn(page.code);
    expect(there.tensors).toBe(0);
    expect(there.values).toHaveLength(here.values.length);
    there.values.forEach((value, i) => expect(value).toBeCloseTo(here.values[i]!, 5));
  });
});
