import { Command } from 'commander';
import { type Context, type Exit } from '../io.ts';
import { EXIT_CODES, examples, numberOf } from './help.ts';

export interface CalibrateFlags {
  readonly gaussian?: string;
  readonly tolerance: number;
  readonly levels: number;
  readonly count: number;
  readonly seed?: number;
  readonly out?: string;
  readonly backend?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const calibrateCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('calibrate')
    .description('Find how far the sampler teleport may skip: where the denoiser of a Gaussian is as good as the network.')
    .argument('<RUN>', 'a RUN folder or a weights file')
    .option('--gaussian <FILE>', 'statistics of `tweedie stats gaussian` (default: made of the data of the run)')
    .option('--tolerance <R>', 'greatest residual', numberOf, 0.03)
    .option('--levels <N>', 'noise levels to try, on the grid of Karras', numberOf, 40)
    .option('-n, --count <N>', 'held-out images', numberOf, 256)
    .option('--seed <N>', 'seed of the noise (default: that of the run)', numberOf)
    .option('-o, --out <FILE>', 'where to write the report (default: RUN/calibrate/report.html)')
    .option('--backend <NAME>', 'engine: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--json', 'print one JSON object (tweedie/calibrate@1)')
    .addHelpText(
      'after',
      `${context.methodHelp}${examples(['tweedie calibrate runs/digits', 'tweedie calibrate runs/digits --gaussian mnist.safetensors --tolerance 0.01'])}${EXIT_CODES}`,
    )
    .action(async (run: string, flags: CalibrateFlags) => {
      const { runCalibrate } = await import('./calibrate-action.ts');
      exit(await runCalibrate(context, run, flags));
    });
