import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { OK, whileRunning } from '../run/failure.ts';
import type { NativeFlags, NativeInstallFlags } from './native.ts';

const size = (bytes: number): string => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(0)} MB`);

export const runNativeInstall = async ({ io }: Context, { gpu, json }: NativeInstallFlags): Promise<Exit> => {
  const { installNative } = await import('@tweedie/backend/native');
  const started = performance.now();
  const {
    folder,
    kind,
    tfjs,
    tensorflow,
    bytes,
    built,
    gpu: found,
  } = await whileRunning(() =>
    installNative({
      kind: gpu === true ? 'gpu' : 'cpu',
      onStage: (stage) => io.stderr(`native: ${stage}\n`),
      ...(io.signal === undefined ? {} : { signal: io.signal }),
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const output: Output<'native-install'> = {
    schema: 'tweedie/native-install@1',
    kind,
    folder,
    built,
    versions: { 'tfjs-node': tfjs, tensorflow },
    bytes,
    gpu: found,
    seconds,
  };
  const engine = kind === 'gpu' ? 'tfjs-node-gpu' : 'tfjs-node';
  emit(io, json, output, [
    `${engine} ${tfjs} on TensorFlow ${tensorflow} is ${built ? '' : 'already '}in ${folder} (${size(bytes)}), and loads.`,
    ...(kind === 'gpu' && !found ? ['TensorFlow finds no GPU here, so it was built and not run on one.'] : []),
  ]);
  return OK;
};

export const runNativeStatus = async ({ io }: Context, { json }: NativeFlags): Promise<Exit> => {
  const { nativeStatus } = await import('@tweedie/backend/native');
  const { folder, freeBytes, builds, tools } = await nativeStatus();
  const output: Output<'native-status'> = {
    schema: 'tweedie/native-status@1',
    folder,
    freeBytes,
    builds: builds.map((build) => ({ ...build })),
    tools: tools.map((tool) => ({ ...tool })),
  };
  const mark = (good: boolean): string => (good ? '·' : '✗');
  emit(io, json, output, [
    ...table([
      ['', 'build', 'TensorFlow', 'size', ''],
      ...builds.map(({ kind, state, reason, obstacle, tensorflow, bytes }) => [
        mark(state === 'ready'),
        kind,
        tensorflow ?? '–',
        bytes === 0 ? '–' : size(bytes),
        state === 'ready'
          ? reason
          : `${reason}; ${obstacle ?? `tweedie native install${kind === 'gpu' ? ' --gpu' : ''} ${state === 'absent' ? 'builds' : 'repairs'} it`}`,
      ]),
    ]),
    '',
    ...table(
      tools.map(({ name, version, reason, command }) => [mark(reason === null), name, version ?? '–', reason ?? `as ${String(command)}`]),
    ),
    '',
    `cache: ${folder}, ${size(freeBytes)} free`,
  ]);
  return OK;
};

export const runNativeRemove = async ({ io }: Context, { json }: NativeFlags): Promise<Exit> => {
  const { removeNative } = await import('@tweedie/backend/native');
  const { folders, bytes } = await whileRunning(() => removeNative());
  const output: Output<'native-remove'> = { schema: 'tweedie/native-remove@1', folders: [...folders], bytes };
  emit(io, json, output, [
    folders.length === 0 ? 'There is no build in the cache.' : `Removed ${folders.join(', ')}: ${size(bytes)} are free again.`,
  ]);
  return OK;
};
