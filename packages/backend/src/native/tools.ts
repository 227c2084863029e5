import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { tweedieError } from '@tweedie/core';
import { runChild } from './child.ts';
import { BUILDS, type Build, type NativeKind } from './pins.ts';

/** A program that an installation needs. `reason` says why it will not do. */
export interface Tool {
  readonly name: 'python' | 'g++';
  readonly command: string | null;
  readonly version: string | null;
  readonly reason: string | null;
}

const PYTHONS = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];
const LEAST_PYTHON = [3, 11] as const;

/** Python 3.11 or later, with pip. */
export const findPython = async (): Promise<Tool> => {
  const passed: string[] = [];
  for (const command of PYTHONS) {
    const script = 'import sys; print(*sys.version_info[:3], sep="."); import pip';
    const { status, stdout } = await runChild(command, ['-c', script]);
    const version = /^(\d+)\.(\d+)\.\d+$/m.exec(stdout);
    if (version === null) continue;
    const [major, minor] = [Number(version[1]), Number(version[2])];
    if (major !== LEAST_PYTHON[0] || minor < LEAST_PYTHON[1]) passed.push(`${command} is ${version[0]}`);
    else if (status !== 0) passed.push(`${command} has no pip`);
    else return { name: 'python', command, version: version[0], reason: null };
  }
  return { name: 'python', command: null, version: null, reason: passed[0] ?? 'there is none' };
};

/** The C++ compiler: `CXX`, or g++. */
export const findCompiler = async (): Promise<Tool> => {
  const command = process.env['CXX'] || 'g++';
  const { status, stdout } = await runChild(command, ['-dumpfullversion', '-dumpversion']);
  const version = stdout.trim().split('\n')[0] ?? '';
  return status === 0 && version !== ''
    ? { name: 'g++', command, version, reason: null }
    : { name: 'g++', command: null, version: null, reason: 'there is none' };
};

export const toolMissing = ({ name, reason }: Tool): Error =>
  name === 'python'
    ? tweedieError({
        subject: 'native',
        problem: `an installation needs Python 3.11 or later with pip (${String(reason)})`,
        remedy: 'install them, for example: apt-get install python3 python3-pip',
        code: 'NO_PYTHON',
      })
    : tweedieError({
        subject: 'native',
        problem: `an installation needs the C++ compiler g++ (${String(reason)})`,
        remedy: 'install it, for example: apt-get install g++; or name another by CXX',
        code: 'NO_COMPILER',
      });

/** This system’s C library; null where it is not glibc. */
const glibc = (): string | null => {
  const { report } = process;
  Object.assign(report, { excludeNetwork: true }); // or it looks up addresses
  return (report.getReport() as { header?: { glibcVersionRuntime?: string } }).header?.glibcVersionRuntime ?? null;
};

const older = (a: string, b: string): boolean => {
  const [x, y] = [a, b].map((text) => text.split('.').map(Number)) as [number[], number[]];
  return (x[0]! - y[0]! || x[1]! - y[1]!) < 0;
};

/** What is built here, or why nothing can be: a clause. */
export const supported = (kind: NativeKind): Build | string => {
  const here = `${process.platform}-${process.arch}`;
  const build = BUILDS[`${here}-${kind}`];
  if (build === undefined) {
    const there = Object.keys(BUILDS)
      .filter((key) => key.endsWith(`-${kind}`))
      .map((key) => key.replace(`-${kind}`, ''));
    return `TensorFlow publishes no libraries for ${here} that it could be built from, only for ${there.join(' and ')}`;
  }
  const found = glibc();
  if (found === null) return `TensorFlow's libraries need glibc ${build.glibc} or later, and this system has another C library`;
  if (older(found, build.glibc)) return `TensorFlow's libraries need glibc ${build.glibc} or later, and this system has ${found}`;
  return build;
};

/** Of the disk that a folder is on, or would be. */
export const freeBytes = async (folder: string): Promise<number> => {
  for (let at = folder; ; at = dirname(at)) {
    const found = await statfs(at).catch(() => null);
    if (found !== null) return found.bavail * found.bsize;
    if (at === dirname(at)) return 0;
  }
};

export const notWritable = (folder: string, cause: unknown): Error =>
  tweedieError({
    subject: folder,
    problem: `the cache folder cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`,
    remedy: 'set TWEEDIE_CACHE to a folder that can',
    code: 'NOT_WRITABLE',
    cause,
  });

export const noSpace = (folder: string, free: number | null, needed: number): Error =>
  tweedieError({
    subject: folder,
    problem: 'there is too little space for an installation',
    ...(free === null ? {} : { got: `${gigabytes(free)} free` }),
    expected: `${gigabytes(needed)} free`,
    remedy: 'make room, or set TWEEDIE_CACHE to a folder on another disk',
    code: 'NO_SPACE',
  });

export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
