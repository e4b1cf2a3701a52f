[
  {
    name: 'op names and activation ids are unique',
    file: '/work/main/test/ops/table.test.ts',
    projectName: 'beside others',
  },
  {
    name: 'the CPU backend opens: without it nothing was tested',
    file: '/work/main/test/ops/table.test.ts',
    projectName: 'beside others',
  },
  {
    name: 'cpu > knows no op that TypeScript does not',
    file: '/work/main/test/ops/table.test.ts',
    projectName: 'beside others',
  },
  {
    name: 'cpu > has attribute structs of the same size',
    file: '/work/main/test/ops/table.test.ts',
    projectName: 'beside others',
  },
  {
    name: 'cpu > has a kernel for every op',
    file: '/work/main/test/ops/table.test.ts',
    projectName: 'beside others',
  },
  {
    name: 'cuda > knows no op that TypeScript does not',
    file: '/work/main/test/ops/table.test.ts',
    projectName: 'beside others',
  },
  {
    name: 'cuda > has attribute structs of the same size',
    file: '/work/main/test/ops/table.test.ts',
    projectName: 'beside others',
  },
  {
    name: 'cuda > has a kernel for every op',
    file: '/work/main/test/ops/table.test.ts',
    projectName: 'beside others',
  },
  {
    name: 'evaluate() of a constant, required',
    file: '/work/main/test/package/first-call.test.ts',
    projectName: 'alone',
  },
  {
    name: 'evaluate() of a constant, imported',
    file: '/work/main/test/package/first-call.test.ts',
    projectName: 'alone',
  },
  {
    name: 'evaluate() of a parameter',
    file: '/work/main/test/package/first-call.test.ts',
    projectName: 'alone',
  },
  {
    name: 'state.read()',
    file: '/work/main/test/package/first-call.test.ts',
    projectName: 'alone',
  },
  {
    name: 'state.write()',
    file: '/work/main/test/package/first-call.test.ts',
    projectName: 'alone',
  },
  {
    name: 'state.readArena()',
    file: '/work/main/test/package/first-call.test.ts',
    projectName: 'alone',
  },
  {
    name: 'lib/ops/index.ts has the ops of every family',
    file: '/work/main/test/package/tree.test.ts',
    projectName: 'alone',
  },
  {
    name: 'test/cases has a file for every family, and no other',
    file: '/work/main/test/package/tree.test.ts',
    projectName: 'alone',
  },
  {
    name: 'test/reference has a file for every family, and no other',
    file: '/work/main/test/package/tree.test.ts',
    projectName: 'alone',
  },
  {
    name: 'test/ops has a file for every family, and no other',
    file: '/work/main/test/package/tree.test.ts',
    projectName: 'alone',
  },
  {
    name: 'lib’s root has five files, no folder of lib more than 25, and no file more than 500 lines',
    file: '/work/main/test/package/tree.test.ts',
    projectName: 'alone',
  },
];
