import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples, numberOf } from './help.ts';

export interface CompareFlags {
  readonly samplers?: readonly string[];
  readonly all?: boolean;
  readonly nfe: string;
  readonly count: number;
  readonly baseline?: string;
  readonly guidance: number;
  readonly seed?: number;
  readonly out?: string;
  readonly workers?: number;
  readonly backend?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const compareCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('compare')
    .description('Judge samplers on one network at equal numbers of network calls, from the same noise: a table, a picture, a report.')
    .argument('<RUN>', 'RUN folder, or a weights.safetensors')
    .option(
      '--samplers <LIST>',
      'samplers with commas between them, options in braces, or a .json file; may be given again (default: six of ours)',
      (list: string, before: readonly string[] = []) => [...before, list],
    )
    .option('--all', 'every sampler that `tweedie plugins` knows')
    .option('--nfe <N,...>', 'limits of network calls an image', '5,6,8,10,12,15,20,50')
    .option('-n, --count <N>', 'images that are judged of each', numberOf, 512)
    .option('--baseline <NAME>', 'sampler that differences are taken from (default: the best under each limit)')
    .option('--guidance <W>', 'classifier-free guidance, 1 for none; otherwise a step takes two calls', numberOf, 1)
    .option('--seed <N>', "seed of the noise (default: the run's)", numberOf)
    .option('-o, --out <FILE>', 'report (.html) (default: compare/report.html in the run)')
    .option('--workers <N>', 'engines at once, each a thread or process of its own (default: what doctor measured)', numberOf)
    .option('--backend <NAME>', 'engine: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--dry-run', 'say what would be drawn and what is there already, and do nothing')
    .option('--json', 'print one JSON object (tweedie/compare@1)')
    .addHelpText(
      'after',
      `
A sampler with options: unipc{order:2}; one within another: teleport{then:unipc,skipTo:20}. Levels are the run's, or --levels.grid log-snr.
What was drawn and judged is kept under compare/cells in the run: the same command goes on where it was stopped.
`,
    )
    .addHelpText(
      'after',
      `${examples([
        'tweedie compare runs/digits',
        "tweedie compare runs/digits --samplers 'euler, heun, unipc, unipc{order:3}' --nfe 5,10,20 --baseline euler",
        'tweedie compare runs/digits --all --nfe 10 -n 2048 --json',
        'tweedie compare runs/roll --samplers mine.json --dry-run',
      ])}${EXIT_CODES}`,
    )
    .action(async (run: string, flags: CompareFlags) => {
      const { runCompare } = await import('./compare-action.ts');
      exit(await runCompare(context, run, flags));
    });
