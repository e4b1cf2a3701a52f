import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

execFileSync(process.execPath, [fileURLToPath(new URL('scripts/native-tables.mjs', import.meta.url))]);

/** These kill processes after a time, hold the main thread to a deadline, measure time or this process's memory, or write into out/. */
const alone = [
  'test/{kill,native}/**/*.test.ts',
  'test/bench/compare.test.ts',
  'test/cli/{bench,data,trace,train}.test.ts',
  'test/experiments/*-kill.test.ts',
  'test/package/{build,first-call,limits}.test.ts',
  'test/train/{event-loop,lock,memory}.test.ts',
];

/** These run kernels as a user's program does, on all cores. Other tests train small networks, whose threads mostly wait. */
const onAllCores = ['test/{bench,emulator,graph,ops,package,reference,scan}/**/*.test.ts', 'test/train/leaks.test.ts'];

/** These run within a `vm` context, as every test does in Jest. */
const inContext = ['test/vm/*.test.ts'];

const common = {
  // Native addon, worker threads and child processes: every test file gets its own process.
  pool: 'forks',
  testTimeout: 120_000,
  hookTimeout: 120_000,
} as const;

/** References in double precision, emulated kernels, child processes: one core most of the time. */
const besideOthers = {
  ...common,
  maxWorkers: Math.min(4, availableParallelism()),
  sequence: { groupOrder: 0 },
} as const;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...besideOthers,
          name: 'on all cores',
          include: onAllCores,
          exclude: [...configDefaults.exclude, ...alone],
        },
      },
      {
        test: {
          ...besideOthers,
          name: 'on one core',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...alone, ...inContext, ...onAllCores],
          env: { OMP_NUM_THREADS: '1' },
        },
      },
      {
        test: {
          ...common,
          name: 'in a context',
          include: inContext,
          pool: 'vmForks',
          sequence: { groupOrder: 1 },
          fileParallelism: false,
        },
      },
      { test: { ...common, name: 'alone', include: alone, fileParallelism: false, sequence: { groupOrder: 1 } } },
    ],
  },
});
