import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples, numberOf } from './help.ts';

export interface EvaluateFlags {
  readonly count: number;
  readonly samples?: string;
  readonly metric?: readonly string[];
  readonly data?: string;
  readonly steps?: string;
  readonly sampler?: string;
  readonly guidance?: number;
  readonly seed?: string;
  readonly workers?: number;
  readonly backend?: string;
  readonly runtime?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const evaluateCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('evaluate')
    .description('Judge images, drawn from a run or read from a .npz, against real data that the model has not seen.')
    .argument('[RUN]', 'RUN folder, or a weights.safetensors')
    .option('-n, --count <N>', 'images to draw and judge', numberOf, 512)
    .option('--samples <FILE>', 'judge these instead (.npz with arr_0 and labels, as `tweedie sample` writes)')
    .option('--metric <NAME...>', 'frechet, sliced-wasserstein, mmd, class-match, or an npm package (default: by the data)')
    .option('--data <NAME>', "real data (default: the run's, in the split test)")
    .option('--steps <N>', "steps of the sampler (default: the run's)")
    .option('--sampler <NAME>', "another sampler than the run's")
    .option('--guidance <W>', 'classifier-free guidance, 1 for none', numberOf)
    .option('--seed <N>', 'seed of sampling and of the metrics')
    .option('--workers <N>', 'engines at once, each a thread or process of its own (default: what doctor measured)', numberOf)
    .option('--backend <NAME>', 'engine: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--runtime <NAME>', 'what carries out the network: engine, or onnx (needs onnxruntime-node)', 'engine')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--json', 'print one JSON object (tweedie/evaluate@1)')
    .addHelpText(
      'after',
      `\nOptions are flags with dots: --data.split train, --sampler.sChurn 40, --metric.frechet.referenceRows 2000.\n${context.methodHelp}`,
    )
    .addHelpText(
      'after',
      `${examples(['tweedie evaluate runs/digits -n 512', 'tweedie evaluate runs/roll --metric sliced-wasserstein mmd --json', 'tweedie evaluate --samples digits.npz --data mnist --metric frechet', 'tweedie evaluate --metric tweedie-metric-foo --help'])}${EXIT_CODES}`,
    )
    .action(async (run: string | undefined, flags: EvaluateFlags) => {
      const { runEvaluate } = await import('./evaluate-action.ts');
      exit(await runEvaluate(context, run, flags));
    });
