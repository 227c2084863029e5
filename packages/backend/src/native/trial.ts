import { join } from 'node:path';
import { lastLine, runChild } from './child.ts';
import { BINDING_FILE } from './place.ts';

/** What the libraries say when they are loaded in a process of their own; or why they do not load. */
export type Trial = { readonly tensorflow: string; readonly gpu: boolean } | { readonly failure: string };

const SCRIPT = `
const binding = require(process.argv[1]);
process.stdout.write('\\n' + JSON.stringify({ tensorflow: binding.TF_Version, gpu: binding.isUsingGpuDevice() }));
`;

/** Loads a build in a child process: a library that does not fit may end its process. */
export const tryBuild = async (folder: string, signal?: AbortSignal): Promise<Trial> => {
  const { status, stdout, stderr } = await runChild(process.execPath, ['--input-type=commonjs', '-e', SCRIPT, join(folder, BINDING_FILE)], {
    signal,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', NODE_OPTIONS: '' },
  });
  if (status === 0) return JSON.parse(lastLine(stdout)) as { tensorflow: string; gpu: boolean };
  return { failure: /Error: .*/.exec(stderr)?.[0].slice(7) ?? (lastLine(stderr) || `its process ended with ${String(status)}`) };
};
