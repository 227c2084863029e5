import 'reflect-metadata'; // must stay the first import: tsyringe looks for it
import { container, instancePerContainerCachingFactory, type DependencyContainer, type InjectionToken } from 'tsyringe';
import type { Dataset } from '../contracts/dataset.ts';
import { tweedieError } from '../contracts/error.ts';
import type { Extractor, Metric } from '../contracts/metric.ts';
import type { Network } from '../contracts/network.ts';
import type { Noise } from '../contracts/noise.ts';
import type { Objective } from '../contracts/objective.ts';
import type { Optimizer } from '../contracts/optimizer.ts';
import type { Preconditioner } from '../contracts/preconditioner.ts';
import type { Plan, Sampler } from '../contracts/sampler.ts';
import type { Schedule } from '../contracts/schedule.ts';
import { createFeed, type Feed, type FeedOptions } from '../run/feed.ts';
import { scoreLoss, type Loss } from '../run/score-loss.ts';
import type { TrainOptions } from '../run/train.ts';

/** A name that knows the type of what it stands for. `Symbol.for`, so that two copies of core agree. */
export interface Token<T> {
  readonly symbol: symbol;
  /** Phantom: never present at run time. */
  readonly type?: T;
}

export const token = <T>(name: string): Token<T> => Object.freeze({ symbol: Symbol.for(`tweedie/${name}`) });

/** Where progress and notices go; the command line prints, a test collects. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
}

// What an experiment is made of.
export const DATA = token<Dataset>('data');
export const NETWORK = token<Network>('network');
export const SCHEDULE = token<Schedule>('schedule');
export const PRECONDITIONER = token<Preconditioner>('preconditioner');
export const OBJECTIVE = token<Objective>('objective');
export const OPTIMIZER = token<Optimizer>('optimizer');
export const SAMPLER = token<Sampler>('sampler');
export const LEVELS = token<Float64Array>('levels');
export const NOISE = token<Noise>('noise');
export const METRICS = token<readonly Metric[]>('metrics');
export const EXTRACTOR = token<Extractor>('extractor');
export const LOGGER = token<Logger>('logger');
/** Batch size, label dropout, micro-batches, the moving average: numbers, not parts. */
export const TRAINING = token<Pick<FeedOptions, 'batchSize' | 'labelDropout'> & Pick<TrainOptions, 'accumulate' | 'emaDecay'>>('training');
// What follows from the parts, unless a scope says otherwise.
export const FEED = token<Feed>('feed');
export const LOSS = token<Loss>('loss');
export const PLAN = token<Plan>('plan');

export type Maker<T> = (get: <U>(token: Token<U>) => U) => T;

/** One thing of an experiment: a value, or how to make it from the others (once a scope). */
export interface Part {
  readonly symbol: symbol;
  readonly make: Maker<unknown>;
}
export const value = <T>({ symbol }: Token<T>, it: T): Part => ({ symbol, make: () => it });
export const made = <T>({ symbol }: Token<T>, make: Maker<T>): Part => ({ symbol, make });

/**
 * Everything that an experiment uses, by token. `scope` makes a child in which any one thing is another; what was made
 * from it (feed, loss, plan) is made anew there, and the parent does not notice.
 */
export interface Experiment {
  get<T>(token: Token<T>): T;
  has<T>(token: Token<T>): boolean;
  scope(...parts: readonly Part[]): Experiment;
}

/** Composes an experiment; feed, loss and plan follow from the parts by default. The last of two parts for one token counts. */
export const compose = (...parts: readonly Part[]): Experiment => experimentOf(container.createChildContainer(), [...derived, ...parts]);

const derived: readonly Part[] = [
  made(FEED, (get) => {
    const { reference } = get(OBJECTIVE).needs;
    const { batchSize, labelDropout } = get(TRAINING);
    return createFeed({
      dataset: get(DATA),
      noise: get(NOISE),
      batchSize,
      ...(labelDropout === undefined ? {} : { labelDropout }),
      ...(reference === undefined ? {} : { reference }),
    });
  }),
  made(LOSS, (get) =>
    scoreLoss({ objective: get(OBJECTIVE), network: get(NETWORK), schedule: get(SCHEDULE), preconditioner: get(PRECONDITIONER) }),
  ),
  made(PLAN, (get) => get(SAMPLER).plan(get(SCHEDULE), get(LEVELS))),
];

const experimentOf = (scope: DependencyContainer, parts: readonly Part[]): Experiment => {
  const latest = new Map(parts.map(({ symbol, make }) => [symbol, make]));
  for (const [symbol, make] of latest) {
    // Once per container: a child that overrides a part makes its own of what depends on it.
    scope.register(symbol, { useFactory: instancePerContainerCachingFactory((where) => make((wanted) => resolve(where, wanted))) });
  }
  return Object.freeze<Experiment>({
    get: (wanted) => resolve(scope, wanted),
    has: ({ symbol }) => scope.isRegistered(symbol, true),
    scope: (...overrides) => experimentOf(scope.createChildContainer(), overrides),
  });
};

const resolve = <T>(scope: DependencyContainer, { symbol }: Token<T>): T => {
  if (!scope.isRegistered(symbol, true)) {
    throw tweedieError({
      subject: 'experiment',
      problem: `nothing was given for ${symbol.description?.replace('tweedie/', '') ?? 'this token'}`,
      remedy: 'add it to compose(...) or to a scope',
    });
  }
  return scope.resolve<T>(symbol as InjectionToken<T>);
};
