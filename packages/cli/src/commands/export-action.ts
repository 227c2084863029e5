import { extname, resolve } from 'node:path';
import { tweedieError } from '@tweedie/core';
import { NETWORK } from '@tweedie/core/container';
import { writeFileAtomic } from '@tweedie/core/node';
import { startEngine } from '../engine.ts';
import { composeExperiment } from '../experiment/compose.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { extractorFor, openExtractor } from '../judge/extractors.ts';
import { OK, whileRunning } from '../run/failure.ts';
import { exportRun } from '../run/onnx-run.ts';
import { bindRun, openRun } from '../run/open-run.ts';
import type { ExportFlags } from './export.ts';

interface Exported {
  readonly run: string;
  readonly file: string;
  readonly flags: ExportFlags;
}

export const runExport = async ({ io }: Context, { run, file, flags }: Exported): Promise<Exit> => {
  const opened = await openRun(run, io.cwd);
  const path = pathOf('FILE', file, io.cwd);
  const extractorPath = flags.extractor === undefined ? undefined : pathOf('--extractor', flags.extractor, io.cwd);
  const experiment = await composeExperiment(opened.config, { cwd: io.cwd, data: false, modelHash: opened.weights.modelHash });
  const { name, shape, classes } = experiment.get(NETWORK);
  const source = extractorPath === undefined ? undefined : extractorFor(opened.config.data.use, { shape });
  const unread = { id: opened.config.data.use, shape, size: 0, rows: () => ({ images: new Float32Array() }) };
  const extractor = source === undefined ? undefined : await openExtractor(source, unread, 0n);
  if (extractorPath !== undefined && extractor === undefined)
    throw tweedieError({
      subject: '--extractor',
      problem: 'data of this kind are judged without an extractor',
      got: opened.config.data.use,
      remedy: 'leave the flag out',
    });
  const described = {
    schema: 'tweedie/export@1' as const,
    run,
    modelHash: opened.weights.modelHash,
    network: name,
    file: path,
    inputs: ['y', 'sigma', ...(classes > 0 ? ['label'] : [])],
  };
  const withExtractor = (bytes: number | null): Output<'export'>['extractor'] =>
    extractor === undefined ? null : { id: extractor.id, file: extractorPath!, bytes };
  if (flags.dryRun === true) {
    const planned: Output<'export'> = { ...described, bytes: null, extractor: withExtractor(null) };
    emit(io, flags.json, planned, [
      `Would write the denoiser of ${name} [${shape.join(', ')}] to ${path}${extractor === undefined ? '' : `, and ${extractor.id} to ${extractorPath!}`}.`,
    ]);
    return OK;
  }
  await startEngine(flags.backend, io);
  const bound = await bindRun(opened, opened.config, { cwd: io.cwd });
  const output = await whileRunning(async (): Promise<Output<'export'>> => {
    try {
      const { exportExtractor } = await import('@tweedie/onnx');
      const denoiser = await exportRun(opened, bound);
      const judge = extractor === undefined ? undefined : await exportExtractor(extractor, shape);
      await writeFileAtomic(path, denoiser);
      if (judge !== undefined) await writeFileAtomic(extractorPath!, judge);
      return { ...described, bytes: denoiser.byteLength, extractor: withExtractor(judge?.byteLength ?? null) };
    } finally {
      bound.dispose();
    }
  });
  emit(io, flags.json, output, [
    ...table([
      ['network', `${name}, ${opened.weights.modelHash.slice(0, 12)}`],
      ['inputs', output.inputs.join(', ')],
    ]),
    `wrote ${path} (${output.bytes} bytes)`,
    ...(output.extractor === null ? [] : [`wrote ${output.extractor.file} (${output.extractor.id}, ${output.extractor.bytes} bytes)`]),
  ]);
  return OK;
};

const pathOf = (subject: string, file: string, cwd: string): string => {
  if (extname(file).toLowerCase() === '.onnx') return resolve(cwd, file);
  throw tweedieError({ subject, problem: 'this kind of file is not written', got: file, expected: 'a name that ends in .onnx' });
};
