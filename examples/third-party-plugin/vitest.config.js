import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.js'],
    pool: 'forks',
    fileParallelism: false,
    setupFiles: ['@tweedie/conformance/setup'],
    testTimeout: 60_000,
  },
});
