// The kinds of `npm run sanitize`: how each is built, which variables it sets, and what it runs.
export const kinds = {
  asan: {
    cmake: 'address',
    flags: '-fsanitize=address,undefined',
    runtime: 'libasan.so',
    prefix: [],
    options: {
      ASAN_OPTIONS: [
        // Node and V8 keep what they have until the process ends; leaks are counted by test/train/leaks.test.ts.
        'detect_leaks=0',
        // A crash in generated code is V8's own affair: WebAssembly catches it.
        'handle_segv=0',
        'detect_stack_use_after_return=1',
        'strict_string_checks=1',
      ],
      UBSAN_OPTIONS: ['print_stacktrace=1'],
    },
    openMp: false,
    rounds: 40,
    programs: [],
    // Memory that is freed is kept for a while, so tests that measure it, or hold anything to a deadline, are left out:
    // leaks, memory, event-loop, and experiments. So is test/native/memory.test.ts, because AddressSanitizer itself needs the address
    // space that it takes away.
    vitest: ['--testTimeout=900000', '--hookTimeout=900000'],
    tests: [
      ['ops', ['test/ops']],
      [
        'plan and engine',
        ['test/native', ...['stress', 'memory'].flatMap((name) => ['--exclude', `test/native/${name}.test.ts`])],
      ],
      ['graph', ['test/graph/state.test.ts', 'test/graph/shared-layer.test.ts', 'test/graph/model-passes.test.ts']],
      [
        'training',
        ['trainer', 'checkpoint', 'run', 'callbacks', 'precision', 'load-predictor'].map(
          (name) => `test/train/${name}.test.ts`,
        ),
      ],
    ],
    emulated: ['test/emulator/ops.test.ts', 'test/emulator/training.test.ts'],
  },
  tsan: {
    cmake: 'thread',
    flags: '-fsanitize=thread',
    runtime: 'libtsan.so',
    // ThreadSanitizer wants its shadow memory at fixed addresses.
    prefix: ['setarch', '-R'],
    options: {
      TSAN_OPTIONS: [
        // The reports decide: reports.mjs leaves some of them out.
        'exitcode=0',
        // The longest history that it can keep: a report whose second stack is lost cannot be left out, even if it is not ours.
        'history_size=7',
        // Node starts and ends threads of its own while a worker is terminated.
        'report_thread_leaks=0',
        'second_deadlock_stack=1',
      ],
    },
    openMp: true,
    rounds: 20,
    programs: [['training stress', ['--expose-gc', 'test/train/stress.cjs']]],
    vitest: ['--testTimeout=900000', '--hookTimeout=900000'],
    tests: [],
    emulated: [],
  },
};
