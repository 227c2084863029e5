import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples, numberOf } from './help.ts';

export interface BenchObjectivesFlags {
  readonly dims: string;
  readonly memorySide: number;
  readonly batch?: number;
  readonly rounds: number;
  readonly objectives: string;
  readonly seed: number;
  readonly out: string;
  readonly backend?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export interface BenchSamplersFlags {
  readonly batch: number;
  readonly steps: number;
  readonly rounds: number;
  readonly samplers?: string;
  readonly seed: number;
  readonly out: string;
  readonly backend?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const benchCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('bench')
    .description('Measure what methods cost on this machine, against each other.')
    .addCommand(objectivesCommand(context, exit))
    .addCommand(samplersCommand(context, exit))
    .addHelpText(
      'after',
      `${examples(['tweedie bench objectives', 'tweedie bench objectives --dims 784 --objectives lcss,stf --rounds 60', 'tweedie bench samplers'])}${EXIT_CODES}`,
    );

const objectivesCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('objectives')
    .description('Time and peak memory of one training step with each objective, on the same network, over those of dsm.')
    .option('--dims <D,...>', 'dimensions of the data: up to 64 are points, others square images', '2,784,3072')
    .option('--memory-side <N>', 'side of the colour images on which memory alone is measured, one at a time; 0 for none', numberOf, 256)
    .option('--batch <N>', 'rows of a batch (default: 128 points, 64 images)', numberOf)
    .option('--rounds <N>', 'rounds that are counted; every objective takes a step in each', numberOf, 28)
    .option(
      '--objectives <NAME,...>',
      'objectives; dsm is always among them. An npm package will do',
      'dsm,lcss,stf,ssm,ssm-vr,fd-ssm,lcss-antithetic,ism',
    )
    .option('--seed <N>', 'seed of data, weights and noise', numberOf, 0)
    .option('-o, --out <FILE>', 'report (.html)', 'runs/bench-objectives/report.html')
    .option('--backend <NAME>', 'engine: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--dry-run', 'say what would be measured, and do nothing')
    .option('--json', 'print one JSON object (tweedie/bench-objectives@1)')
    .addHelpText(
      'after',
      `${examples(['tweedie bench objectives', 'tweedie bench objectives --dims 784 --objectives lcss,stf --rounds 60 --memory-side 0', 'tweedie bench objectives --dims 2,64 --batch 32 --json'])}${EXIT_CODES}`,
    )
    .action(async (flags: BenchObjectivesFlags) => {
      const { runBenchObjectives } = await import('./bench-objectives-action.ts');
      exit(await runBenchObjectives(context, flags));
    });

const samplersCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('samplers')
    .description('Time and peak memory of samplers without the network, and their share in a run of the digits network.')
    .option('--batch <N>', 'images of a batch', numberOf, 64)
    .option('--steps <N>', 'steps of a run', numberOf, 10)
    .option('--rounds <N>', 'rounds that are counted; every sampler makes a run in each', numberOf, 28)
    .option('--samplers <LIST>', 'samplers, as for `tweedie compare` (default: every one that `tweedie plugins` knows)')
    .option('--seed <N>', 'seed of weights and noise', numberOf, 0)
    .option('-o, --out <FILE>', 'report (.html)', 'runs/bench-samplers/report.html')
    .option('--backend <NAME>', 'engine: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--dry-run', 'say what would be measured, and do nothing')
    .option('--json', 'print one JSON object (tweedie/bench-samplers@1)')
    .addHelpText(
      'after',
      `${examples(['tweedie bench samplers', "tweedie bench samplers --samplers 'heun, unipc{order:3}' --steps 20 --rounds 60"])}${EXIT_CODES}`,
    )
    .action(async (flags: BenchSamplersFlags) => {
      const { runBenchSamplers } = await import('./bench-samplers-action.ts');
      exit(await runBenchSamplers(context, flags));
    });
