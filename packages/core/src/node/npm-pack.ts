/** The ordinary npm client as a downloader: no install scripts, no dependencies, and the user's registry, proxy and certificates. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { tweedieError } from '../contracts/error.ts';

/** Puts the tarball of `spec` (NAME@VERSION) into `folder`. */
export type Pack = (spec: string, folder: string, signal?: AbortSignal) => Promise<void>;

/** npm's own variables that say how to reach the registry; the others belong to the script that npm may be running us in. */
const CONNECTION =
  /^npm_config_(registry|userconfig|globalconfig|cache|proxy|http_proxy|https_proxy|noproxy|ca|cafile|cert|key|strict_ssl|local_address|maxsockets|offline|prefer_offline|prefer_online|fetch_.*|\/\/.*|@.*|_.*)$/i;

/** The environment without what `npm start` adds: a workspace, a dry run or a prefix of the outer npm must not reach the inner one. */
export const npmEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(npm_|INIT_CWD$)/i.test(name) || CONNECTION.test(name)));

/** On Windows `npm` is a batch file, which Node starts only through a shell: run its script instead. */
const npmCommand = (env: NodeJS.ProcessEnv): readonly [command: string, ...first: string[]] => {
  if (process.platform !== 'win32') return ['npm'];
  const folders = [dirname(process.execPath), ...(env['PATH'] ?? env['Path'] ?? '').split(delimiter)];
  const script = folders.map((folder) => join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js')).find((path) => existsSync(path));
  return script === undefined ? ['npm.exe'] : [process.execPath, script];
};

const NO_NETWORK =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENOTCACHED|EIDLETIMEOUT|E50[0-9])\b/;

/**
 * `npm pack SPEC`. Errors: npm is not there, or fails; its `code` is `NO_REGISTRY` where npm could not reach the registry,
 * and `NPM_FAILED` otherwise.
 */
export const npmPack: Pack = async (spec, folder, signal) => {
  const env = npmEnvironment(process.env);
  const [command, ...first] = npmCommand(env);
  const options = [
    '--pack-destination',
    folder,
    '--loglevel=error',
    '--no-update-notifier',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=5000',
  ];
  const failed = (code: string, problem: string, cause?: unknown): Error =>
    tweedieError({ subject: `npm pack ${spec}`, problem, code, ...(cause !== undefined && { cause }) });

  const { status, output } = await new Promise<{ status: number | NodeJS.Signals | null; output: string }>((resolve, reject) => {
    let output = '';
    const child = spawn(command, [...first, 'pack', spec, ...options], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      windowsHide: true,
      ...(signal && { signal }),
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output = `${output}${text}`.slice(-8192)));
    child.on('error', (cause: NodeJS.ErrnoException) => {
      if (signal?.aborted === true) reject(cause);
      else reject(failed('NPM_FAILED', cause.code === 'ENOENT' ? 'npm was not found' : `npm did not start (${cause.message})`, cause));
    });
    child.on('close', (status, name) => resolve({ status: status ?? name, output }));
  });
  if (status === 0) return;
  const network = NO_NETWORK.exec(output)?.[0];
  const reason =
    [...output.matchAll(/^npm (?:error|ERR!) +(.+)$/gm)].map(([, line]) => line!).find((line) => !line.startsWith('code ')) ??
    `exit ${String(status)}`;
  throw network === undefined
    ? failed('NPM_FAILED', `npm failed (${reason})`)
    : failed('NO_REGISTRY', `the npm registry cannot be reached (${network})`);
};
