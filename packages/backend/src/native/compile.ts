import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tweedieError } from '@tweedie/core';
import { runChild } from './child.ts';
import { BINDING_FILE, LIBRARIES } from './place.ts';

/** Compiles the binding of the unpacked package against TensorFlow's libraries, which it finds beside itself wherever the folder is moved to. */
export const compile = async (compiler: string, folder: string, signal?: AbortSignal): Promise<void> => {
  const output = join(folder, BINDING_FILE);
  await mkdir(dirname(output), { recursive: true });
  const { status, stderr } = await runChild(
    compiler,
    [
      '-O2',
      '-std=c++17',
      '-fPIC',
      '-shared',
      '-DNAPI_VERSION=8',
      '-Iheaders/package/include',
      '-Isite/tensorflow/include',
      'package/binding/tfjs_backend.cc',
      'package/binding/tfjs_binding.cc',
      `-L${LIBRARIES}`,
      '-l:libtensorflow_cc.so.2',
      '-l:libtensorflow_framework.so.2',
      `-Wl,-rpath,$ORIGIN/../../../${LIBRARIES}`,
      '-o',
      output,
    ],
    { cwd: folder, signal },
  );
  if (status === 0) return;
  throw tweedieError({
    subject: compiler,
    problem: 'the binding does not compile',
    got: stderr.split('\n').find((line) => /error|No space left/.test(line)) ?? `exit ${String(status)}`,
    remedy: 'g++ 8 or later is needed; report the message if it is',
    code: /No space left/.test(stderr) ? 'NO_SPACE' : 'COMPILER_FAILED',
  });
};
