import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples } from './help.ts';

export interface PlanFlags {
  readonly sampler?: string;
  readonly schedule?: string;
  readonly steps?: string;
  readonly json?: boolean;
}

export const planCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('plan')
    .description("Print a sampler's whole arithmetic before anything runs: levels, coefficients, network calls.")
    .argument('[RUN]', 'take schedule, levels and sampler of this run (default: EDM, Karras, 80 → .002)')
    .option('--sampler <NAME>', 'sampler')
    .option('--schedule <NAME>', 'schedule')
    .option('--steps <N>', 'steps')
    .option('--json', 'print one JSON object (tweedie/plan@1)')
    .addHelpText(
      'after',
      `\nOptions are flags with dots: --sampler.eta 1, --levels.grid log-snr, --schedule.betaMax 10.\n${context.methodHelp}`,
    )
    .addHelpText(
      'after',
      `${examples(['tweedie plan --sampler heun --steps 18', 'tweedie plan --sampler dpmpp-2m --schedule vp --steps 10 --json', 'tweedie plan runs/digits'])}${EXIT_CODES}`,
    )
    .action(async (run: string | undefined, flags: PlanFlags) => {
      const { runPlan } = await import('./plan-action.ts');
      exit(await runPlan(context, run, flags));
    });
