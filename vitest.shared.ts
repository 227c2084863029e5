import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The one test configuration: packages are read from source (`@tweedie/source`), nobody builds to test. */
export const packageTests = (overrides: NonNullable<ViteUserConfig['test']> = {}): ViteUserConfig =>
  defineConfig({
    resolve: { conditions: ['@tweedie/source', 'module', 'browser', 'development|production'] },
    ssr: { resolve: { conditions: ['@tweedie/source', 'node', 'module', 'development|production'] } },
    test: {
      include: ['src/**/*.test.ts'],
      environment: 'node',
      pool: 'forks',
      fileParallelism: false,
      passWithNoTests: true,
      setupFiles: [new URL('./vitest.engine.ts', import.meta.url).pathname],
      testTimeout: 60_000,
      hookTimeout: 60_000,
      reporters: ['default'],
      ...overrides,
    },
  });

/** What takes minutes, hundreds of repeats or a download: `*.slow.ts`, by `npm run test:slow`, and in CI after everything else. */
export const slowTests = (overrides: NonNullable<ViteUserConfig['test']> = {}): ViteUserConfig =>
  packageTests({
    include: ['src/**/*.slow.ts', 'test/**/*.slow.ts'],
    fileParallelism: true,
    maxWorkers: 2,
    testTimeout: 600_000,
    reporters: ['default', ['json', { outputFile: 'out-test/vitest.json' }]],
    ...overrides,
  });
