import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, here, root } from './bundle.ts';
import { chromium, HEADLESS } from './chromium.ts';
import { trains, type Trained } from './trains.ts';

/** A page that trains and samples: on WebGPU where the browser has it, and on WASM where it has not. To the numbers that Node gets. */
const WEBGPU = join(root, 'node_modules/@tensorflow/tfjs-backend-webgpu');
const WASM = join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
const TOLERANCE = 1e-5;
const absent =
  chromium === undefined
    ? 'chromium is not installed'
    : existsSync(WEBGPU)
      ? undefined
      : '@tensorflow/tfjs-backend-webgpu is not installed: npm run test:webgpu';
if (absent !== undefined) console.log(`skipped: ${absent}`);

const scratch = mkdtempSync(join(tmpdir(), 'tweedie-webgpu-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What the page posts, opened with these flags. */
const visited = async (code: string, wanted: string, flags: readonly string[]): Promise<Trained> => {
  const script = `page.trains(${wanted}).then((r) => r, (e) => ({ failed: String(e) })).then((r) => fetch('/result', { method: 'POST', body: JSON.stringify(r) }));`;
  let tell: (result: unknown) => void = () => {};
  const told = new Promise<unknown>((resolve) => (tell = resolve));
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    if (request.method === 'POST') {
      let body = '';
      request.on('data', (part) => (body += String(part)));
      request.on('end', () => tell(JSON.parse(body)));
      response.end();
    } else if (path === '/page.js') {
      response.setHeader('content-type', 'text/javascript; charset=utf-8').end(code);
    } else if (path.endsWith('.wasm')) {
      response.setHeader('content-type', 'application/wasm').end(readFileSync(join(WASM, basename(path))));
    } else {
      response.setHeader('content-type', 'text/html').end(`<!doctype html><script src="/page.js"></script><script>${script}</script>`);
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const profile = mkdtempSync(join(scratch, 'profile-'));
  const browser = spawn(chromium!, [...HEADLESS, ...flags, `--user-data-dir=${profile}`, address], { stdio: 'ignore', detached: true });
  const gone = new Promise<never>((_, reject) => browser.once('exit', (code) => reject(new Error(`chromium went with ${code}`))));
  try {
    const result = (await Promise.race([told, gone])) as Trained & { failed?: string };
    if (result.failed !== undefined) throw new Error(result.failed);
    return result;
  } finally {
    gone.catch(() => undefined);
    const exited = new Promise((resolve) => browser.once('exit', resolve));
    if (browser.exitCode === null && browser.pid !== undefined) {
      process.kill(-browser.pid, 'SIGKILL'); // it and the processes of its own
      await exited;
    }
    server.closeAllConnections();
    server.close();
  }
};

const SOFTWARE = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];

describe.skipIf(absent !== undefined)('a page that trains', () => {
  let code: string;
  let expected: Trained;
  beforeAll(async () => {
    const entry = join(scratch, 'entry.ts');
    writeFileSync(
      entry,
      `import ${JSON.stringify(join(WEBGPU, 'dist/index.js'))};\nexport { trains } from ${JSON.stringify(join(here, 'trains.ts'))};\n`,
    );
    ({ code } = await bundle(entry));
    expected = await trains(process.env['TWEEDIE_BACKEND'] ?? 'wasm');
  });

  const same = (got: Trained): void => {
    expect(got.tensors).toBe(0);
    expect(got.losses).toHaveLength(3);
    expect(got.images).toHaveLength(128);
    for (const key of ['losses', 'images'] as const) {
      const scale = Math.max(...expected[key].map(Math.abs));
      expected[key].forEach((value, i) => expect(Math.abs(got[key][i]! - value) / scale).toBeLessThan(TOLERANCE));
    }
  };

  it('on WebGPU, as in Node', async () => {
    const got = await visited(code, "'webgpu'", SOFTWARE);
    expect(got.engine).toBe('webgpu');
    same(got);
  });

  it('on WASM where there is no WebGPU', async () => {
    const got = await visited(code, '', ['--disable-gpu', '--disable-features=WebGPU']);
    expect(got.engine).toBe('wasm');
    same(got);
  });
});
