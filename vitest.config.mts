import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

execFileSync(process.execPath, [fileURLToPath(new URL('scripts/native-tables.mjs', import.meta.url))]);

/** These kill threads after a time, hold the main thread to a deadline, measure time or this process's memory, or write into out/. */
const alone = [
  'test/native/{cancellation,engine,landing,memory,overlap,replay,spins,stress}.test.ts',
  'test/bench/compare.test.ts',
  'test/package/{build,first-call,limits}.test.ts',
  'test/train/{event-loop,lock,memory}.test.ts',
];

/** These run kernels as a user's program does, on all cores. Other tests train small networks, whose threads mostly wait. */
const onAllCores = [
  'test/{bench,emulator,graph,native,ops,package,reference,scan}/**/*.test.ts',
  'test/train/leaks.test.ts',
];

/** These run within a `vm` context, as every test does in Jest. */
const inContext = ['test/vm/*.test.ts'];

/** Files that take longest, the longest first: begun last, one would run alone on one core. */
const longest = [
  ...['package/install/install', 'package/cudnn-plans', 'examples', 'emulator/ops', 'cli/train', 'cli/change'],
  ...['train/leaks', 'cli/errors', 'bench/gpu-check', 'data', 'cli/estimate', 'package/published', 'fuzz/fuzz'],
  ...['cli/pictures', 'emulator/kernel-variants', 'emulator/training', 'kill/kill', 'package/bundlers', 'cli/data'],
  ...['reference/cases', 'cli/evaluate', 'package/check-kernels', 'train/trainer', 'cli/no-test'],
].map((name) => fileURLToPath(new URL(`test/${name}.test.ts`, import.meta.url)));

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) =>
      longest.includes(moduleId) ? longest.indexOf(moduleId) : longest.length;
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

const common = {
  // Native addon, worker threads and child processes: every test file gets its own process.
  pool: 'forks',
  testTimeout: 120_000,
  hookTimeout: 120_000,
} as const;

/** References in double precision, emulated kernels, child processes: one core most of the time. */
const besideOthers = {
  ...common,
  // One more than cores, because a test now and then waits: for a disk, a socket, a child that starts.
  maxWorkers: Math.min(4, availableParallelism() + 1),
  sequence: { groupOrder: 0 },
} as const;

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
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
