import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples, numberOf } from './help.ts';

export interface SampleFlags {
  readonly count: number;
  readonly first?: number;
  readonly steps?: string;
  readonly sampler?: string;
  readonly guidance?: number;
  readonly label?: readonly string[];
  readonly unconditional?: boolean;
  readonly seed?: string;
  readonly batchSize?: number;
  readonly out?: readonly string[];
  readonly columns?: number;
  readonly scale?: number;
  readonly workers?: number;
  readonly backend?: string;
  readonly runtime?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const sampleCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('sample')
    .description('Draw images from a run: a picture, the film of its making, or numbers.')
    .argument('<RUN>', 'RUN folder, or a weights.safetensors')
    .option('-n, --count <N>', 'images', numberOf, 64)
    .option('--first <N>', 'index of the first image: image i is a function of seed and i', numberOf)
    .option('--steps <N>', "steps of the sampler (default: the run's)")
    .option('--sampler <NAME>', "another sampler than the run's")
    .option('--guidance <W>', 'classifier-free guidance, 1 for none', numberOf)
    .option('--label <CLASS...>', 'classes, gone through again and again; -1 for none (default: all)')
    .option('--unconditional', 'no classes: the same as --label=-1')
    .option('--seed <N>', "seed (default: the run's)")
    .option('--batch-size <N>', 'images a network call', numberOf)
    .option('-o, --out <FILE...>', '.png, .gif (x̂₀ step by step) or .npz (arr_0 uint8 NHWC, labels) (default: samples.png in the run)')
    .option('--columns <N>', 'images a row of the picture', numberOf)
    .option('--scale <N>', 'pixels a data point of the picture', numberOf)
    .option('--workers <N>', 'engines at once, each a thread or process of its own (default: what doctor measured)', numberOf)
    .option('--backend <NAME>', 'engine: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--runtime <NAME>', 'what carries out the network: engine, or onnx (needs onnxruntime-node)', 'engine')
    .option('--dry-run', 'say what would be done and what it costs, and do nothing')
    .option('--json', 'print one JSON object (tweedie/sample@1)')
    .addHelpText(
      'after',
      `\nOptions of the sampler and the levels are flags with dots: --sampler.sChurn 40, --levels.max 40.\n${context.methodHelp}`,
    )
    .addHelpText(
      'after',
      `${examples([
        'tweedie sample runs/digits -n 64 --steps 18 --out grid.png',
        'tweedie sample runs/digits -n 16 --out making-of.gif --label 7',
        'tweedie sample runs/digits -n 512 --sampler heun --guidance 2 --out digits.npz --json',
        'tweedie sample runs/digits/weights.safetensors --seed 3 --dry-run',
      ])}${EXIT_CODES}`,
    )
    .action(async (run: string, flags: SampleFlags) => {
      const { runSample } = await import('./sample-action.ts');
      exit(await runSample(context, run, flags));
    });
