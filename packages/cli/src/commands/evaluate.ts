import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples, numberOf } from './help.ts';

export interface EvaluateFlags {
  readonly count?: number;
  readonly metrics?: readonly string[];
  readonly against?: string;
  readonly extractor?: string;
  readonly steps?: string;
  readonly sampler?: string;
  readonly guidance?: number;
  readonly unconditional?: boolean;
  readonly seed?: string;
  readonly workers?: number;
  readonly backend?: string;
  readonly runtime?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const evaluateCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('evaluate')
    .description('Judge images, drawn from a run or there already, against real data that the model has not seen.')
    .argument('<IMAGES>', 'a RUN folder or its weights.safetensors, a folder of pictures, or a .npz of samples')
    .option('-n, --count <N>', 'images to draw (default: 512), or the first so many of a folder or file (default: all)', numberOf)
    .option(
      '--metrics <LIST>',
      'names with commas between them, ours (`tweedie plugins --kind metric`) or npm packages (default: by the data)',
      (list: string, before: readonly string[] = []) => [...before, ...list.split(',').map((name) => name.trim())],
    )
    .option('--against <DATA>', "real data: NAME or NAME:SPLIT, a folder of pictures, a .npz (default: the run's, in the split test)")
    .option('--extractor <NAME>', 'what images are judged by, NAME or NAME:FILE (default: by the data)')
    .option('--steps <N>', "steps of the sampler (default: the run's)")
    .option('--sampler <NAME>', "another sampler than the run's")
    .option('--guidance <W>', 'classifier-free guidance, 1 for none', numberOf)
    .option('--unconditional', 'draw without classes from a run that has them')
    .option('--seed <N>', 'seed of sampling and of the metrics')
    .option('--workers <N>', 'engines at once, each a thread or process of its own (default: what doctor measured)', numberOf)
    .option('--backend <NAME>', 'engine: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--runtime <NAME>', 'what carries out the network: engine, or onnx (needs onnxruntime-node)', 'engine')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--json', 'print one JSON object (tweedie/evaluate@2)')
    .addHelpText(
      'after',
      `\nOptions are flags with dots: --data.cache FOLDER, --sampler.sChurn 40, --metric.frechet.referenceRows 2000.\n${context.methodHelp}`,
    )
    .addHelpText(
      'after',
      `${examples([
        'tweedie evaluate runs/digits -n 512',
        'tweedie evaluate runs/digits --unconditional --metrics frechet,bits-per-dim --metric.bits-per-dim.rows 64',
        'tweedie evaluate digits.npz --against mnist --metrics frechet,class-match --json',
        'tweedie evaluate pictures/ --against more-pictures/ --metrics frechet --extractor pixels',
        'tweedie evaluate --metrics tweedie-metric-foo --help',
      ])}${EXIT_CODES}`,
    )
    .action(async (images: string, flags: EvaluateFlags) => {
      const { runEvaluate } = await import('./evaluate-action.ts');
      exit(await runEvaluate(context, images, flags));
    });
