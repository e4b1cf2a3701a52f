import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

execFileSync(process.execPath, [fileURLToPath(new URL('scripts/native-tables.mjs', import.meta.url))]);

/** These use every core, kill processes after a time, or hold the main thread to a deadline. */
const alone = [
  'test/{bench,cli,kill,native,train}/**/*.test.ts',
  'test/package/!(cudnn-plans).test.ts',
  'test/package/install/*.test.ts',
  'test/examples.test.ts',
  'test/experiments/*-kill.test.ts',
  'test/lsuv.test.ts',
];

const common = {
  // Native addon, worker threads and child processes: every test file gets its own process.
  pool: 'forks',
  testTimeout: 120_000,
  hookTimeout: 120_000,
} as const;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          // References in double precision, emulated kernels: one core most of the time.
          name: 'beside others',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...alone],
          maxWorkers: Math.min(4, availableParallelism()),
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...common, name: 'alone', include: alone, fileParallelism: false, sequence: { groupOrder: 1 } } },
    ],
  },
});
