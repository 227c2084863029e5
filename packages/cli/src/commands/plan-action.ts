import { overridesFrom } from '../config/load.ts';
import { parseExperiment } from '../config/parse.ts';
import { composePlan } from '../experiment/compose.ts';
import { emit, table, type Context, type Exit } from '../io.ts';
import type { Output } from '../outputs.ts';
import { OK } from '../run/failure.ts';
import { openRun, overridden } from '../run/open-run.ts';
import type { PlanFlags } from './plan.ts';

export const runPlan = async ({ io, dotted }: Context, run: string | undefined, flags: PlanFlags): Promise<Exit> => {
  const opened = run === undefined ? undefined : await openRun(run, io.cwd);
  const base = opened?.config ?? parseExperiment({});
  const changes = {
    ...dotted,
    ...use('sampler.use', flags.sampler),
    ...use('schedule.use', flags.schedule),
    ...use('levels.steps', flags.steps),
  };
  const overrides = await overridesFrom(changes, base, ['sampler', 'schedule', 'levels'], io.cwd);
  const plan = await composePlan(overridden(base, overrides), io.cwd, opened?.weights.modelHash);
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
  emit(io, flags.json, output, [
    `${plan.sampler} under ${plan.schedule.id}: ${plan.steps.length} steps, ${plan.nfe ?? 'an adaptive number of'} network calls`,
    ...table([
      ['step', 'ρ', '→', ...keys, ''],
      ...output.steps.map((step, i) => [
        String(i),
        output.levels[i]!.toPrecision(6),
        output.levels[i + 1]!.toPrecision(6),
        ...keys.map((key) => show(step[key])),
        '',
      ]),
    ]),
    ...output.notes,
  ]);
  return OK;
};

const show = (x: number | readonly number[] | undefined): string =>
  x === undefined ? '' : typeof x === 'number' ? x.toPrecision(6) : x.map((each) => each.toPrecision(4)).join(' ');

const use = (path: string, word: string | undefined): Readonly<Record<string, string>> => (word === undefined ? {} : { [path]: word });
