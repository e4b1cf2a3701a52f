// `npm run check:kernels`: reads what the compiler made of every CUDA kernel, for sm_90, and writes it into docs/cuda-kernels.md.
// It fails if a kernel spills or uses local memory, or if a vector variant has no 16-byte accesses. A comment above a kernel that
// says "16-byte stores only: REASON" (or "16-byte loads only") excuses the missing kind.
// --check writes nothing. It fails in the same cases, and if the page has other kernels (not if only figures differ).
// --sources FOLDER and --page FILE are for tests of this script.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { compileKernels, demangle, findToolkit } from './kernel-compiler.mjs';
import { describeKernel, parseKernels, parsePtx, parsePtxas, parseSass } from './kernel-report.mjs';
import { pageWith, rowsOfPage, rowsOfTables, tables } from './kernel-tables.mjs';
import { root, StageError, startIfMain } from './stage.mjs';

const architecture = 90;
/** With more registers per thread, less than half of a multiprocessor's 2048 threads can be resident. */
const mostRegisters = 64;

/** Compiles a source. @returns each of its kernels with the compiler's figures */
async function kernelsOf(path, toolkit) {
  const { report, ptx, sass } = await compileKernels(path, toolkit, architecture);
  const [resources, accesses] = [parsePtxas(report), parsePtx(ptx)];
  const machine = sass === null ? null : parseSass(sass);
  const inSource = parseKernels(readFileSync(path, 'utf8'));
  const mangled = [...resources.keys()];
  return demangle(mangled).map((text, i) => ({
    text,
    ...describeKernel(text, inSource),
    ...resources.get(mangled[i]),
    ...accesses.get(mangled[i]),
    sass: machine?.get(mangled[i]) ?? null,
  }));
}

/** Returns the rules that a kernel breaks, one text for each; empty if it breaks none. */
function violations(kernel) {
  const found = [];
  if (kernel.spillStores + kernel.spillLoads > 0)
    found.push(`spills (${kernel.spillStores} bytes stored, ${kernel.spillLoads} loaded)`);
  if (kernel.stack > 0) found.push(`has a stack frame of ${kernel.stack} bytes`);
  if (kernel.local + (kernel.sass?.local ?? 0) > 0) found.push('uses local memory');
  for (const [where, counts] of Object.entries({ PTX: kernel, SASS: kernel.sass })) {
    if (kernel.width === 1 || !counts) continue;
    // Fewer scalar accesses than a vector has lanes are not a split vector, but a sum's result, a flag or a learning rate.
    const lacks = (vectors, scalars) => vectors === 0 && scalars >= kernel.width;
    if (kernel.only !== 'stores' && lacks(counts.vectorLoads, counts.scalarLoads))
      found.push(`has no 16-byte load in the ${where}`);
    if (kernel.only !== 'loads' && lacks(counts.vectorStores, counts.scalarStores))
      found.push(`has no 16-byte store in the ${where}`);
    if (counts.vectorLoads + counts.vectorStores === 0) found.push(`has no 16-byte access at all in the ${where}`);
  }
  return found;
}

/** Runs `work` on all items, as many at a time as there are processors. @returns the results in the order of `items` */
async function inParallel(items, work) {
  const results = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}

await startIfMain(import.meta.url, async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      check: { type: 'boolean', default: false },
      sources: { type: 'string', default: join(root, 'native', 'cuda', 'kernels') },
      page: { type: 'string', default: join(root, 'docs', 'cuda-kernels.md') },
    },
  });
  const toolkit = findToolkit();
  const names = readdirSync(values.sources, { recursive: true })
    .filter((name) => name.endsWith('.cu'))
    .sort();
  const kernels = await inParallel(names, (name) => kernelsOf(join(values.sources, name), toolkit));
  const files = names.map((file, i) => ({ file, kernels: kernels[i] }));

  const generated = tables(files, { version: toolkit.version, architecture, mostRegisters });
  console.log(generated.summary);
  const sass = toolkit.nvdisasm ? `read with ${toolkit.nvdisasm}` : 'not read, because nvdisasm was not found';
  console.log(`SASS: ${sass}.`);

  const page = readFileSync(values.page, 'utf8');
  // The page is written even if a rule is broken: it shows which kernels break it.
  if (!values.check) writeFileSync(values.page, pageWith(page, generated.text));
  const wrong = files.flatMap(({ file, kernels }) =>
    kernels.flatMap((kernel) => violations(kernel).map((text) => `${file}: ${kernel.text} ${text}`)),
  );
  if (wrong.length > 0) throw new StageError(wrong.join('\n'));

  if (!values.check) return 0;
  const [had, has] = [rowsOfPage(page), rowsOfTables(files)];
  const different = [
    ...has.filter((row) => !had.includes(row)).map((row) => `${row}: missing`),
    ...had.filter((row) => !has.includes(row)).map((row) => `${row}: no such kernel`),
  ];
  if (different.length > 0) {
    const shown = relative(root, values.page);
    throw new StageError(`${shown} is out of date (npm run check:kernels writes it anew):\n${different.join('\n')}`);
  }
  return 0;
});
