import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchCommand } from './commands/bench.ts';
import { calibrateCommand } from './commands/calibrate.ts';
import { compareCommand } from './commands/compare.ts';
import { dataCommand } from './commands/data.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { nativeCommand } from './commands/native.ts';
import { planCommand } from './commands/plan.ts';
import { pluginsCommand } from './commands/plugins.ts';
import { sampleCommand } from './commands/sample.ts';
import { statsCommand } from './commands/stats.ts';
import { trainCommand } from './commands/train.ts';
import { varianceCommand } from './commands/variance.ts';
import type { JsonSchema } from './config/json-schema.ts';
import { loadConfig } from './config/load.ts';
import { experimentSchema } from './config/parse.ts';
import type { Context } from './io.ts';
import { outputs } from './outputs.ts';
import { makeProject, type Project } from './testing/project.fixture.ts';

let readme: string;
let project: Project;
const scratch = new URL('../out-test/readme/', import.meta.url).pathname;
beforeAll(async () => {
  readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  project = await makeProject();
  await mkdir(scratch, { recursive: true });
});
afterAll(async () => {
  await project.remove();
  await rm(scratch, { recursive: true, force: true });
});

const block = (fence: string, containing: string): string => {
  const found = [...readme.matchAll(/```([^\n]*)\n([\s\S]*?)```/g)].find(([, kind, text]) => kind === fence && text!.includes(containing));
  expect(found, `a block of ${fence} with ${containing}`).toBeDefined();
  return found![2]!;
};

/** The row of a table whose first cell is `name`, however wide its columns are. */
const rowOf = (name: string): string | undefined => readme.split('\n').find((line) => line.split('|')[1]?.trim() === `\`${name}\``);

describe('the README', () => {
  it('has every key of the configuration with its default', () => {
    const walk = (schema: JsonSchema, path: string): void => {
      for (const [key, sub] of Object.entries(schema.properties ?? {})) {
        const at = path === '' ? key : `${path}.${key}`;
        if (sub.properties !== undefined) walk(sub, at);
        else {
          const row = rowOf(at);
          expect(row, at).toBeDefined();
          if (sub.default !== undefined) expect(row).toContain(`\`${JSON.stringify(sub.default)}\``);
        }
      }
    };
    walk(experimentSchema(), '');
  });

  it('has every command and every flag', () => {
    const context = { io: {}, dotted: {}, methodHelp: '' } as Context;
    const visit = (command: Command, parent = 'tweedie'): void => {
      const name = `${parent} ${command.name()}`;
      expect(readme).toContain(`\`${name}`);
      for (const { long, short } of command.options) expect(readme, `${name} ${long ?? short}`).toContain(`\`${long ?? short}`);
      command.commands.forEach((sub) => visit(sub, name));
    };
    for (const make of [
      trainCommand,
      sampleCommand,
      evaluateCommand,
      doctorCommand,
      nativeCommand,
      pluginsCommand,
      dataCommand,
      statsCommand,
      planCommand,
      varianceCommand,
      benchCommand,
      compareCommand,
      calibrateCommand,
      exportCommand,
    ])
      visit(make(context, () => undefined));
  });

  it('has every schema of --json and every field', () => {
    for (const [name, schema] of Object.entries(outputs)) {
      const row = rowOf(name);
      for (const field of Object.keys(schema.shape)) expect(row, name).toContain(`\`${field}\``);
      expect(row).toContain(`\`${schema.shape.schema.value}\``);
      expect(schema.shape.schema.value).toMatch(new RegExp(`^tweedie/${name}@\\d+$`));
    }
  });

  it('has commands that run', async () => {
    for (const line of block('sh', 'tweedie train').trim().split('\n')) {
      // Fewer steps and points: it is the words that are tested.
      const words = line
        .replace('--steps 300', '--steps 5')
        .replace(/-n \d+/, '-n 64')
        .split(' ')
        .slice(1);
      const { code, stderr } = await project.tweedie(...words);
      expect(code, `${line}\n${stderr}`).toBe(0);
    }
  }, 180_000);

  it('has a configuration file that is one', async () => {
    await writeFile(
      `${scratch}tweedie.config.ts`,
      block('ts', 'defineConfig').replace(
        "import { defineConfig } from '@tweedie/cli';",
        'const defineConfig = <T>(config: T): T => config;',
      ),
    );
    expect(await loadConfig({ cwd: scratch })).toMatchObject({
      data: { use: 'eight-gaussians' },
      sampler: { use: 'heun', sChurn: 4 },
      levels: { steps: 12 },
      seed: 1,
    });
  });

  it('has TypeScript that runs', async () => {
    const file = `${scratch}from-typescript.ts`;
    await writeFile(file, block('ts run', 'trainRun').replace("'runs/", `'${scratch}runs/`).replaceAll('console.error', 'void '));
    await expect(import(/* @vite-ignore */ file)).resolves.toBeDefined();
  }, 120_000);
});
