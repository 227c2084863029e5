import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main as tweedie, shipRun, table, type Io } from '@tweedie/cli';

const home = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The weights file that comes with this example; it opens as a run. */
export const weights = home('weights/digits.safetensors');

/** Steps whose weights come with it, from not quite noise to nearly as good. */
export const SNAPSHOTS = [256, 1024, 4096] as const;

const RUN = 'runs/digits';
const HELP = `npm run digits -w @tweedie/example-digits -- <command>

  train [options]   train into ${RUN}, or go on with it; options are those of tweedie train
  ship [RUN]        write the weights of ${RUN} in half precision, its log and its record into weights/
  grid [options]    draw digits.png from weights/; options are those of tweedie sample
`;

/** `words` are what follows the command's name. `folder`: where shipped files lie. Returns an exit code, as `tweedie` does. */
export const digits = async (words: readonly string[], io: Io, folder = home('weights')): Promise<number> => {
  const [command, ...rest] = words;
  switch (command) {
    case 'train':
      return tweedie(['train', RUN, '--config', home('src/config.ts'), ...rest], io);
    case 'ship': {
      const { step, files } = await shipRun({ run: resolve(io.cwd, rest[0] ?? RUN), folder, name: 'digits', snapshots: SNAPSHOTS });
      io.stdout(`step ${step}\n${table(files.map(({ path, bytes }) => [relative(io.cwd, path), `${bytes} bytes`])).join('\n')}\n`);
      return 0;
    }
    case 'grid':
      return tweedie(
        ['sample', join(folder, 'digits.safetensors'), '-n', '100', '--scale', '2', '--out', join(folder, 'digits.png'), ...rest],
        io,
      );
    default:
      io.stderr(HELP);
      return command === undefined || command === '--help' ? 0 : 2;
  }
};
