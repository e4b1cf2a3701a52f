// Makes the generated part of docs/cuda-kernels.md: a summary, and a table for each source file. The same sources and compiler
// give the same bytes. Kernels that differ only in numbers and flags of their template share a row, which then has ranges.

const begin = '<!-- begin: npm run check:kernels -->';
const end = '<!-- end: npm run check:kernels -->';

const columns = [
  ['registers', ({ registers }) => registers],
  ['spill bytes', ({ spillStores, spillLoads }) => spillStores + spillLoads],
  ['local bytes', ({ stack }) => stack],
  ['shared bytes', ({ shared }) => shared],
  ['16-byte loads', ({ vectorLoads }) => vectorLoads],
  ['16-byte stores', ({ vectorStores }) => vectorStores],
  ['other loads', ({ scalarLoads }) => scalarLoads],
  ['other stores', ({ scalarStores }) => scalarStores],
];

const range = (values) => {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? String(least) : `${least}-${most}`;
};

/** Groups the kernels of a file by name and variant, sorted. @returns ["name | variant", kernels] for each row */
function rowsOf(kernels) {
  const rows = new Map();
  for (const kernel of kernels) {
    const key = `${kernel.name} | ${kernel.variant}`;
    rows.set(key, [...(rows.get(key) ?? []), kernel]);
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Returns the text of the generated part, and its summary as one line. */
export function tables(files, { version, architecture, mostRegisters }) {
  const all = files.flatMap(({ kernels }) => kernels);
  const vectors = all.filter(({ width }) => width > 1).length;
  const wide = files.flatMap(({ kernels }) => rowsOf(kernels.filter(({ registers }) => registers > mostRegisters)));
  const wideText = wide.map(([key, group]) => `${key.replace(' | ', ' ')} (${range(group.map((k) => k.registers))})`);
  const summary = [
    `${all.length} kernels in ${files.length} files, ${vectors} of them with 16-byte accesses:`,
    `${all.filter((k) => k.spillStores + k.spillLoads > 0).length} spill,`,
    `${all.filter((k) => k.stack + k.local > 0).length} use local memory;`,
    `${wide.length === 0 ? 'none' : wide.reduce((sum, [, group]) => sum + group.length, 0)} with more than ${mostRegisters} registers${wide.length === 0 ? '' : `: ${wideText.join(', ')}`}.`,
  ].join(' ');
  const text = [
    '# The CUDA kernels, as compiled',
    '',
    'This page lists, for every CUDA kernel of saturnn, how many registers it uses, how much memory, and how it accesses global',
    'memory. The figures are read from the compiler and are not measured on a GPU.',
    '',
    '```sh',
    'npm run check:kernels                # compiles the kernels and writes this page anew',
    'npm run check:kernels -- --check     # writes nothing; CI runs this',
    '```',
    '',
    'Both commands fail if a kernel spills, uses local memory, or has a vector variant without 16-byte accesses. With `--check`, the',
    'command also fails if this page has other kernels than the sources; it does not fail if only figures differ.',
    '',
    `Result with nvcc ${version} for sm_${architecture}: ${summary}`,
    '',
    'How to read the tables:',
    '',
    "- Registers, spills, local memory and shared memory are from ptxas' report. Loads and stores of global memory are counted in the PTX.",
    '- "Width" is the number of elements that a thread reads in one access.',
    '- Variants that differ only in numbers and flags share a row, which then has ranges; "compiled" is how many variants a row has.',
    ...files.flatMap(({ file, kernels }) => ['', `## ${file}`, '', ...tableOf(kernels)]),
  ].join('\n');
  return { summary, text };
}

function tableOf(kernels) {
  const names = ['kernel', 'variant', 'compiled', ...columns.map(([name]) => name)];
  const rows = rowsOf(kernels).map(([key, group]) => [
    key,
    String(group.length),
    ...columns.map(([, value]) => range(group.map(value))),
  ]);
  return [names, names.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
}

/** Returns "file | kernel | variant" for each row that the tables of `files` have. */
export const rowsOfTables = (files) =>
  files.flatMap(({ file, kernels }) => rowsOf(kernels).map(([key]) => `${file} | ${key}`));

/** Returns "file | kernel | variant" for each row that the page has. */
export function rowsOfPage(page) {
  const rows = [];
  let file = '';
  for (const line of generatedPart(page).split('\n')) {
    file = /^## (\S+\.cu)$/.exec(line)?.[1] ?? file;
    const [, kernel, variant] = /^\| (\S+) \| ([^|]+) \| \d/.exec(line) ?? [];
    if (kernel) rows.push(`${file} | ${kernel} | ${variant}`);
  }
  return rows;
}

const generatedPart = (page) => page.slice(page.indexOf(begin), page.indexOf(end));

/** Returns the page with `text` as its generated part; the text that a person has written after that part stays. */
export function pageWith(page, text) {
  const rest = page.includes(end) ? page.slice(page.indexOf(end) + end.length) : '\n';
  return `${begin}\n${text}\n${end}${rest}`;
}
