import { Command } from 'commander';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { OK } from '../run/failure.ts';
import { EXIT_CODES, examples } from './help.ts';

interface PlanFlags {
  readonly sampler?: string;
  readonly schedule?: string;
  readonly steps?: string;
  readonly json?: boolean;
}

export const planCommand = ({ io, dotted, methodHelp }: Context, exit: (code: Exit) => void): Command =>
  new Command('plan')
    .description("Print a sampler's whole arithmetic before anything runs: levels, coefficients, network calls.")
    .argument('[RUN]', 'take schedule, levels and sampler of this run (default: EDM, Karras, 80 → .002)')
    .option('--sampler <NAME>', 'sampler')
    .option('--schedule <NAME>', 'schedule')
    .option('--steps <N>', 'steps')
    .option('--json', 'print one JSON object (tweedie/plan@1)')
    .addHelpText('after', `\nOptions are flags with dots: --sampler.eta 1, --levels.grid log-snr, --schedule.betaMax 10.\n${methodHelp}`)
    .addHelpText('after', `${examples(['tweedie plan --sampler heun --steps 18', 'tweedie plan --sampler dpmpp-2m --schedule vp --steps 10 --json', 'tweedie plan runs/digits'])}${EXIT_CODES}`)
    .action(async (run: string | undefined, flags: PlanFlags) => {
      const [{ overridesFrom }, { parseExperiment }, { composePlan }] = await Promise.all([import('../config/load.ts'), import('../config/parse.ts'), import('../experiment/compose.ts')]);
      const base = run === undefined ? parseExperiment({}) : (await (await import('../run/open-run.ts')).openRun(run, io.cwd)).config;
      const changes = { ...dotted, ...use('sampler.use', flags.sampler), ...use('schedule.use', flags.schedule), ...use('levels.steps', flags.steps) };
      const overrides = await overridesFrom(changes, base, ['sampler', 'schedule', 'levels'], io.cwd);
      const { overridden } = await import('../run/open-run.ts');
      const plan = await composePlan(overridden(base, overrides), io.cwd);
      const output: Output<'plan'> = {
        schema: 'tweedie/plan@1',
        sampler: plan.sampler,
        schedule: plan.schedule.id,
        levels: [...plan.levels],
        steps: plan.steps.map((step) => Object.fromEntries(Object.entries(step).map(([key, x]) => [key, typeof x === 'number' ? x : [...x]]))),
        nfe: plan.nfe,
        notes: [...plan.notes],
      };
      const keys = [...new Set(output.steps.flatMap((step) => Object.keys(step)))];
      const show = (x: number | readonly number[] | undefined): string => (x === undefined ? '' : typeof x === 'number' ? x.toPrecision(6) : x.map((each) => each.toPrecision(4)).join(' '));
      emit(io, flags.json, output, [
        `${plan.sampler} under ${plan.schedule.id}: ${plan.steps.length} steps, ${plan.nfe ?? 'an adaptive number of'} network calls`,
        ...table([
          ['step', 'ρ', '→', ...keys, ''],
          ...output.steps.map((step, i) => [String(i), output.levels[i]!.toPrecision(6), output.levels[i + 1]!.toPrecision(6), ...keys.map((key) => show(step[key])), '']),
        ]),
        ...output.notes,
      ]);
      exit(OK);
    });

const use = (path: string, word: string | undefined): Readonly<Record<string, string>> => (word === undefined ? {} : { [path]: word });
