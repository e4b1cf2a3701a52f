import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Native addon, worker threads and child processes: every test file gets its own process.
    pool: 'forks',
    // One file at a time: each uses every core, and some hold the main thread to a deadline.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
