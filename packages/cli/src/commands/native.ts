import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples } from './help.ts';

export interface NativeFlags {
  readonly json?: boolean;
}

export interface NativeInstallFlags extends NativeFlags {
  readonly gpu?: boolean;
}

export const nativeCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('native')
    .description('Build, look at or remove TensorFlow’s own engine (tfjs-node, tfjs-node-gpu) in the cache.')
    .addCommand(installCommand(context, exit))
    .addCommand(statusCommand(context, exit))
    .addCommand(removeCommand(context, exit))
    .addHelpText(
      'after',
      `${examples(['tweedie native install', 'tweedie native status', 'tweedie native remove'])}\nNeeds Linux, Python 3.11 or later with pip, and g++. TWEEDIE_CACHE says where the cache is.\n${EXIT_CODES}`,
    );

const installCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('install')
    .description('Build the engine from the npm package’s source and TensorFlow’s wheel; repair what is not whole.')
    .option('--gpu', 'build tfjs-node-gpu, for CUDA 12')
    .option('--json', 'print one JSON object (tweedie/native-install@1)')
    .addHelpText('after', `${examples(['tweedie native install', 'tweedie native install --gpu --json'])}${EXIT_CODES}`)
    .action(async (flags: NativeInstallFlags) => {
      const { runNativeInstall } = await import('./native-action.ts');
      exit(await runNativeInstall(context, flags));
    });

const statusCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('status')
    .description('Say what is in the cache, whether it loads, and what an installation would lack.')
    .option('--json', 'print one JSON object (tweedie/native-status@1)')
    .addHelpText('after', `${examples(['tweedie native status', 'tweedie native status --json'])}${EXIT_CODES}`)
    .action(async (flags: NativeFlags) => {
      const { runNativeStatus } = await import('./native-action.ts');
      exit(await runNativeStatus(context, flags));
    });

const removeCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('remove')
    .description('Delete every build from the cache, and say how much that was.')
    .option('--json', 'print one JSON object (tweedie/native-remove@1)')
    .addHelpText('after', `${examples(['tweedie native remove', 'tweedie native remove --json'])}${EXIT_CODES}`)
    .action(async (flags: NativeFlags) => {
      const { runNativeRemove } = await import('./native-action.ts');
      exit(await runNativeRemove(context, flags));
    });
