import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main as tweedie, shipRun, table, type Io } from '@tweedie/cli';

const home = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The weights file that `ship` writes; it opens as a run. */
export const weights = home('weights/cifar10.safetensors');

/** A RUN folder for each size. */
const runOf = (size = 'cpu'): string => (size === 'cpu' ? 'runs/cifar10' : `runs/cifar10-${size}`);
const HELP = `npm run cifar10 -w @tweedie/example-cifar10 -- <command>

  train [options]   train into runs/cifar10, or go on with it; options are those of tweedie train
  ship [RUN]        write the weights of the run in half precision, its log and its record into weights/
  grid [options]    draw weights/cifar10.safetensors into runs/cifar10.png; options are those of tweedie sample

CIFAR10_SIZE=ddpmpp or ncsnpp train the papers' networks, into runs/cifar10-ddpmpp or -ncsnpp.
`;

/** `words` are what follows the command's name. `folder`: where shipped files lie. Returns an exit code, as `tweedie` does. */
export const cifar10 = async (words: readonly string[], io: Io, folder = home('weights')): Promise<number> => {
  const [command, ...rest] = words;
  const run = runOf(process.env['CIFAR10_SIZE']);
  switch (command) {
    case 'train':
      return tweedie(['train', run, '--config', home('src/config.ts'), ...rest], io);
    case 'ship': {
      const { step, files } = await shipRun({ run: resolve(io.cwd, rest[0] ?? run), folder, name: 'cifar10' });
      io.stdout(`step ${step}\n${table(files.map(({ path, bytes }) => [relative(io.cwd, path), `${bytes} bytes`])).join('\n')}\n`);
      return 0;
    }
    case 'grid':
      return tweedie(['sample', join(folder, 'cifar10.safetensors'), '-n', '100', '--out', 'runs/cifar10.png', ...rest], io);
    default:
      io.stderr(HELP);
      return command === undefined || command === '--help' ? 0 : 2;
  }
};
