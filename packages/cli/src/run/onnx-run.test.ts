import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { decodeModel } from '@tweedie/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputs } from '../outputs.ts';
import { makeProject, type Project } from '../testing/project.fixture.ts';
import { SMALL } from '../testing/small.fixture.ts';
import { evaluateRun } from './evaluate-run.ts';
import { exitCodeOf } from './failure.ts';
import { sampleRun } from './sample-run.ts';
import { trainRun } from './train-run.ts';

const installed = ((): boolean => {
  try {
    createRequire(import.meta.url).resolve('onnxruntime-node');
    return true;
  } catch {
    return false;
  }
})();

let home: string;
let run: string;
let project: Project;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tweedie-onnx-'));
  run = join(home, 'run');
  project = await makeProject();
  await trainRun({ config: SMALL, folder: run, cwd: home });
});
afterAll(async () => {
  await project.remove();
  await rm(home, { recursive: true, force: true });
});

describe('tweedie export', () => {
  it('writes the denoiser of a run and its extractor, which say where they come from', async () => {
    const before = memory().numTensors;
    const { code, json, stderr } = await project.tweedie('export', run, 'model.onnx', '--extractor', 'raw.onnx', '--json');
    expect(code, stderr).toBe(0);
    expect(memory().numTensors).toBe(before);
    const output = outputs.export.parse(json());
    expect(output).toMatchObject({
      network: 'mlp',
      file: project.at('model.onnx'),
      inputs: ['y', 'sigma', 'label'],
      extractor: { id: 'raw' },
    });
    const bytes = await readFile(project.at('model.onnx'));
    expect(bytes.byteLength).toBe(output.bytes);
    const { metadataProps, graph } = decodeModel(bytes);
    const said = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
    expect(said['tweedie.modelHash']).toBe(output.modelHash);
    expect(JSON.parse(said['tweedie.experiment']!)).toMatchObject({ data: { use: SMALL.data!.use } });
    expect(graph.input.map(({ name }) => name)).toEqual(output.inputs);
    expect(decodeModel(await readFile(project.at('raw.onnx'))).graph.output.map(({ name }) => name)).toEqual(['features']);
  });

  it('writes nothing when it is asked what it would do, and refuses other files', async () => {
    const { code, json } = await project.tweedie('export', run, 'later.onnx', '--dry-run', '--json');
    expect([code, outputs.export.parse(json()).bytes]).toEqual([0, null]);
    await expect(readFile(project.at('later.onnx'))).rejects.toThrow('ENOENT');
    const { code: bad, stderr } = await project.tweedie('export', run, 'model.pb');
    expect([bad, stderr]).toEqual([2, '[FILE] this kind of file is not written: got model.pb, expected a name that ends in .onnx\n']);
    expect((await project.tweedie('sample', run, '--runtime', 'torch')).stderr).toContain(
      'there is no such runtime: got torch, expected engine or onnx',
    );
  });
});

describe('the runtime onnx', () => {
  it.runIf(installed)('draws and judges as the engine does, and leaves no tensor', async () => {
    const before = memory().numTensors;
    const ours = await sampleRun({ run, count: 12, guidance: 2, cwd: home });
    const theirs = await sampleRun({ run, count: 12, guidance: 2, runtime: 'onnx', cwd: home });
    expect(theirs.nfe).toBe(ours.nfe);
    ours.images.forEach((x, i) => expect(Math.abs(x - theirs.images[i]!)).toBeLessThan(1e-4));
    const judged = await evaluateRun({ run, count: 64, metrics: ['frechet'], runtime: 'onnx', cwd: home });
    const engine = await evaluateRun({ run, count: 64, metrics: ['frechet'], cwd: home });
    expect(judged.extractor).toBe('raw');
    expect(Math.abs(judged.metrics[0]!.value / engine.metrics[0]!.value - 1)).toBeLessThan(1e-3);
    expect(memory().numTensors).toBe(before);
  });

  it.skipIf(installed)('says what to install, as bad input, and leaves no tensor', async () => {
    const before = memory().numTensors;
    const error: unknown = await sampleRun({ run, count: 1, runtime: 'onnx', cwd: home }).catch((thrown: unknown) => thrown);
    expect((error as Error).message).toContain('npm install onnxruntime-node');
    expect(exitCodeOf(error)).toBe(2);
    expect(memory().numTensors).toBe(before);
  });
});
