// Parsers for the compiler's output about kernels (the report of ptxas, PTX, SASS) and for kernel declarations in the
// source. The list of kernels comes from these alone; none is kept by hand.

/** Counts of accesses to global memory, by direction and width, and to local memory. */
const empty = () => ({ vectorLoads: 0, vectorStores: 0, scalarLoads: 0, scalarStores: 0, local: 0 });

/**
 * Parses the output of `ptxas -v`.
 * @returns by mangled name: registers per thread; bytes of stack frame, spills, shared memory
 */
export function parsePtxas(report) {
  const kernels = new Map();
  let name = null;
  for (const line of report.split('\n')) {
    name = /Compiling entry function '(\w+)'/.exec(line)?.[1] ?? name;
    if (name === null) continue;
    const kernel = kernels.get(name) ?? { registers: 0, stack: 0, spillStores: 0, spillLoads: 0, shared: 0 };
    kernels.set(name, kernel);
    const frame = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (frame) [kernel.stack, kernel.spillStores, kernel.spillLoads] = frame.slice(1).map(Number);
    const used = /Used (\d+) registers/.exec(line);
    if (!used) continue;
    kernel.registers = Number(used[1]);
    kernel.shared = Number(/(\d+) bytes smem/.exec(line)?.[1] ?? 0);
    name = null;
  }
  return kernels;
}

/** Counts memory accesses in PTX, by mangled name. Accesses of 16 bytes or more count as vectors. Spills use local memory. */
export function parsePtx(ptx) {
  const kernels = new Map();
  let counts = null;
  for (const line of ptx.split('\n')) {
    const entry = /\.entry\s+(\w+)/.exec(line)?.[1];
    if (entry || /\.func\b/.test(line)) counts = entry ? empty() : null;
    if (entry) kernels.set(entry, counts);
    const access = /^\s*(?:@!?%p\d+\s+)?(ld|st)\.([\w.:]+)\s/.exec(line);
    if (!counts || !access) continue;
    const words = access[2].split('.');
    if (words.includes('local')) counts.local++;
    // An access that names no state space has a generic address, which in our kernels means global memory.
    if (words.some((word) => /^(local|shared|param|const)/.test(word))) continue;
    const bits = Number(words.at(-1).replace(/^\D+/, '')) * Number(/^v(\d)$/.exec(words.at(-2))?.[1] ?? 1);
    count(counts, access[1] === 'ld', bits);
  }
  return kernels;
}

/** Counts memory accesses in nvdisasm's output, by mangled name: LDG.E.128, STG.E.128, LDL, STL. */
export function parseSass(sass) {
  const kernels = new Map();
  let counts = null;
  for (const line of sass.split('\n')) {
    const section = /^\s*\.section\s+\.text\.(\w+)/.exec(line)?.[1];
    if (section) counts = empty();
    if (section) kernels.set(section, counts);
    const [, operation, modifiers] = /\b(LDG|STG|LDL|STL)((?:\.\w+)*)\s/.exec(line) ?? [];
    if (!counts || !operation) continue;
    if (operation.endsWith('L')) counts.local++;
    else count(counts, operation === 'LDG', Number(/\.(64|128|256)\b/.exec(modifiers)?.[1] ?? 32));
  }
  return kernels;
}

function count(counts, isLoad, bits) {
  const isVector = bits >= 128;
  if (isLoad) counts[isVector ? 'vectorLoads' : 'scalarLoads']++;
  else counts[isVector ? 'vectorStores' : 'scalarStores']++;
}

/**
 * Finds every kernel that a CUDA source declares, by name. `parameters` are the names of its template parameters: T and
 * Width for "template <class T, int Width> __global__ void f(". `only` is "loads" or "stores" if the comment directly
 * above the kernel says "16-byte loads only" or "16-byte stores only", else null.
 */
export function parseKernels(source) {
  const pattern =
    /((?:[ \t]*\/\/[^\n]*\n)*)(?:[ \t]*template\s*<((?:[^<>]|<[^<>]*>)*)>\s*)?[ \t]*__global__\s+void\s+(?:__launch_bounds__\s*\((?:[^()]|\([^()]*\))*\)\s*)?(\w+)\s*\(/g;
  const kernels = new Map();
  for (const [, comment, parameters = '', name] of source.matchAll(pattern)) {
    kernels.set(name, {
      parameters: splitArguments(parameters).map((parameter) => parameter.split('=')[0].trim().split(/\s+/).at(-1)),
      only: /16-byte (loads|stores) only/.exec(comment)?.[1] ?? null,
    });
  }
  return kernels;
}

/** Splits a list at its commas, except for commas inside <> or (). */
function splitArguments(text) {
  const parts = [];
  let depth = 0;
  let begin = 0;
  for (let i = 0; i <= text.length; i++) {
    if (i < text.length && '<('.includes(text[i])) depth++;
    else if (i < text.length && '>)'.includes(text[i])) depth--;
    else if (i === text.length || (text[i] === ',' && depth === 0)) {
      parts.push(text.slice(begin, i).trim());
      begin = i + 1;
    }
  }
  return parts.filter(Boolean);
}

const wideWords = /^(u?int4|float4|double2|u?longlong2)$/;

/**
 * Describes a kernel by its template arguments. `width` is the number of elements per access of a thread: the argument called
 * Width, 4 if an argument is a 16-byte type (such as float4), else 1. `variant` lists the type arguments and Width.
 * @throws Error if the source has no such kernel
 */
export function describeKernel(demangled, kernels) {
  const [, name, rest = ''] = /^(\w+)(?:<(.*)>)?$/.exec(demangled) ?? [];
  const { parameters, only } = kernels.get(name) ?? {};
  if (!parameters) throw new Error(`The source declares no kernel ${demangled} in the form "__global__ void name(".`);
  const values = splitArguments(rest);
  const named = values.map((value, i) => [parameters[Math.min(i, parameters.length - 1)], value]);
  const widthText = named.find(([parameter]) => parameter === 'Width')?.[1];
  const width = values.some((value) => wideWords.test(value)) ? 4 : Number(widthText ?? 1);
  const isType = (value) => !/^(\(.*\))?-?\d+\w*$|^(true|false)$/.test(value);
  const shown = named.filter(([parameter, value]) => parameter === 'Width' || isType(value));
  const variant = shown.map(([parameter, value]) => (parameter === 'Width' ? `Width ${value}` : value)).join(', ');
  return { name, width, only, variant: variant || '-' };
}
