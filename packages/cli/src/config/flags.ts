/** Reads `--a.b value`, `--a.b=value` and `--a.b` out of a command line. Everything else is left for the command itself. */
export interface Split {
  /** Words by dotted path. A flag without a word means `true`. */
  readonly dotted: Readonly<Record<string, string>>;
  readonly rest: readonly string[];
}

const DOTTED = /^--([a-z][\w-]*(?:\.[\w-]+)+)(?:=(.*))?$/is;

export const splitFlags = (argv: readonly string[]): Split => {
  const dotted: Record<string, string> = {};
  const rest: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--') return { dotted, rest: [...rest, ...argv.slice(i)] };
    const [, path, inline] = DOTTED.exec(word) ?? [];
    if (path === undefined) {
      rest.push(word);
      continue;
    }
    const next = argv[i + 1];
    if (inline !== undefined) dotted[path] = inline;
    else if (next !== undefined && isValue(next)) dotted[path] = argv[++i]!;
    else dotted[path] = 'true';
  }
  return { dotted, rest };
};

/** A word that is no flag: text, or a negative number. */
const isValue = (word: string): boolean => !word.startsWith('-') || /^-\.?\d/.test(word);

/** The short flags of common settings, by the path in the configuration that each stands for. */
export const SHORT_FLAGS = {
  data: { path: 'data.use', argument: 'NAME', summary: 'data set: mnist, cifar10, fashion-mnist, folder, npz, swiss-roll, …' },
  network: { path: 'network.use', argument: 'NAME', summary: 'network: digits, ddpmpp, ncsnpp, mlp, …' },
  schedule: { path: 'schedule.use', argument: 'NAME', summary: 'forward process: edm, vp, ve, …' },
  preconditioner: { path: 'preconditioner.use', argument: 'NAME', summary: "what the network's output means: edm, eps, x0, v, score" },
  objective: {
    path: 'objective.use',
    argument: 'NAME',
    summary: 'training objective: dsm, lcss, stf, ism, ssm, ssm-vr, fd-ssm, or an npm package',
  },
  sampler: {
    path: 'sampler.use',
    argument: 'NAME',
    summary: 'sampler: heun, dpmpp-2m, unipc, deis, deis-sn, teleport, pds, …, or an npm package',
  },
  batchSize: { path: 'training.batchSize', argument: 'N', summary: 'images a step' },
  steps: { path: 'training.steps', argument: 'N', summary: 'training steps of the whole run' },
  seconds: { path: 'training.seconds', argument: 'S', summary: 'time budget instead of steps; counted once and recorded' },
  rate: { path: 'optimizer.rate', argument: 'R', summary: 'peak learning rate' },
  seed: { path: 'seed', argument: 'N', summary: 'seed of everything random' },
} as const;
export type ShortFlag = keyof typeof SHORT_FLAGS;
