import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { tweedieError } from '../contracts/error.ts';

/**
 * Takes a folder for this process; a second process that wants it is refused. The lock is a listening local socket, so a
 * killed process does not hold it: nobody answers there any more. Returns how to give it back.
 */
export const lockFolder = async (folder: string): Promise<() => Promise<void>> => {
  const address = addressOf(folder);
  for (let attempt = 0; attempt < 2; attempt++) {
    const server = await listen(address);
    if (server !== undefined) {
      server.unref();
      const forget = (): void => rmSync(address, { force: true });
      process.once('exit', forget);
      return async () => {
        process.off('exit', forget);
        await new Promise<void>((done) => server.close(() => done()));
      };
    }
    if (await answers(address)) break;
    if (process.platform !== 'win32') await rm(address, { force: true }); // left by a killed process
  }
  throw tweedieError({
    subject: folder,
    problem: 'another process is working in this folder',
    remedy: 'wait until it has ended, or choose another folder',
  });
};

const addressOf = (folder: string): string => {
  const name = `tweedie-${createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 24)}.lock`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name);
};

const listen = (address: string): Promise<Server | undefined> =>
  new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? done(undefined) : fail(error)));
    server.listen(address, () => done(server));
  });

const answers = (address: string): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
