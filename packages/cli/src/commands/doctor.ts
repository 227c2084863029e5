import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples } from './help.ts';

export interface DoctorFlags {
  readonly backend?: string;
  readonly measure?: boolean;
  readonly json?: boolean;
}

export const doctorCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('doctor')
    .description('Say which engines were found, which one runs, why the others do not, and measure once what is fastest here.')
    .option('--backend <NAME>', 'ask for this engine; nothing is measured then')
    .option('--measure', 'measure again')
    .option('--json', 'print one JSON object (tweedie/doctor@1)')
    .addHelpText(
      'after',
      `${examples(['tweedie doctor', 'tweedie doctor --measure', 'tweedie doctor --backend tfjs-node', 'TWEEDIE_BACKEND=cpu tweedie doctor --json'])}${EXIT_CODES}`,
    )
    .action(async (flags: DoctorFlags) => {
      const { runDoctor } = await import('./doctor-action.ts');
      exit(await runDoctor(context, flags));
    });
