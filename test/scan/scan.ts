/**
 * Runs scan.cc: convolutions and fully connected layers of the CPU backend, of shapes drawn from a seed, between canaries and
 * compared with loops in double precision, with every instruction set that this processor has. Imports no test framework.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { binaryPath } from '../../lib/runtime/locate';
import { Fakes } from '../native/support';

export interface ScanOptions {
  /** Number of shapes for each instruction set; the first are those of known faults. */
  cases: number;
  seed: number;
  /** Numbers of threads that each shape is tried with. */
  threads: readonly number[];
  /** Called with a line for each fault, and one for each instruction set. */
  log?: (line: string) => void;
}

export interface ScanReport {
  readonly instructions: string;
  readonly cases: number;
  /** Launches of kernels. */
  readonly launches: number;
  /** A line for each fault: wrong values, bytes written outside, a refusal, a crash, a hang. */
  readonly faults: readonly string[];
}

/** A case takes milliseconds, and seconds on a machine with much else to do. */
const stallSeconds = 120;

/** The instruction sets to which saturnn's loops and oneDNN's kernels are limited, and the flags that the processor needs. */
const instructionSets = [
  { name: 'sse41', own: 'baseline', oneDnn: 'SSE41', needs: ['sse4_1'] },
  { name: 'avx', own: 'baseline', oneDnn: 'AVX', needs: ['avx'] },
  { name: 'avx2', own: 'avx2', oneDnn: 'AVX2', needs: ['avx2', 'fma', 'f16c'] },
  { name: 'avx512_core', own: 'avx512', oneDnn: 'AVX512_CORE', needs: ['avx512bw', 'avx512vl', 'avx512dq'] },
  { name: 'avx512_core_bf16', own: 'avx512', oneDnn: 'AVX512_CORE_BF16', needs: ['avx512_bf16'] },
  { name: 'avx512_core_amx', own: 'avx512', oneDnn: 'AVX512_CORE_AMX', needs: ['amx_bf16'] },
] as const;

type InstructionSet = (typeof instructionSets)[number];

/** Scans with each instruction set of this processor. @throws Error if the program cannot be compiled or started */
export async function scan(options: ScanOptions): Promise<ScanReport[]> {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.split(' '));
  const builds = new Fakes();
  try {
    const program = builds.build('scan', ['test/scan/scan.cc'], ['-O2', '-ldl']);
    const reports: ScanReport[] = [];
    for (const set of instructionSets) {
      if (set.needs.every((flag) => flags.has(flag))) reports.push(await scanWith(program, set, options));
      else options.log?.(`${set.name}: this processor does not have it`);
    }
    return reports;
  } finally {
    builds.remove();
  }
}

async function scanWith(program: string, set: InstructionSet, options: ScanOptions): Promise<ScanReport> {
  const { cases, log = () => {} } = options;
  const faults: string[] = [];
  const fault = (line: string) => {
    faults.push(line);
    log(`${set.name}: ${line}`);
  };
  let launches = 0;
  // After a crash or a hang the program is started again, behind the case that caused it.
  for (let next = 0; next < cases; ) {
    const part = await runFrom(program, set, options, next, fault);
    launches += part.launches;
    next = part.last + 1;
  }
  log(`${set.name}: ${cases} shapes, ${launches} launches, ${faults.length} faults`);
  return { instructions: set.name, cases, launches, faults };
}

/** Runs the program from a case on, until it ends or is ended. @returns (resolves to) the last case and the launches */
function runFrom(
  program: string,
  { own, oneDnn }: InstructionSet,
  { cases, seed, threads }: ScanOptions,
  first: number,
  fault: (line: string) => void,
): Promise<{ last: number; launches: number }> {
  const env = { ...process.env, SATURNN_CPU_ISA: own, ONEDNN_MAX_CPU_ISA: oneDnn, GOMP_SPINCOUNT: '1000' };
  const args = [binaryPath('libsaturnn_cpu.so'), seed, first, cases - first, ...threads].map(String);
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve, reject) => {
    let last = first;
    let launches: number | null = null;
    let hangs = false;
    let messages = '';
    const watchdog = setTimeout(() => {
      hangs = true;
      child.kill('SIGKILL');
    }, stallSeconds * 1000);
    child.stderr.on('data', (chunk) => {
      messages += chunk;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      watchdog.refresh();
      const [kind, ...rest] = line.split(' ');
      if (kind === 'case') last = Number(rest[0]);
      if (kind === 'FAIL') fault(rest.join(' '));
      if (kind === 'done') launches = Number(rest[0]);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      if (launches !== null) return resolve({ last, launches });
      if (signal === null) return reject(new Error(`The scan ended with exit code ${code}: ${messages}`));
      fault(hangs ? `${last}: nothing for ${stallSeconds} s: it hangs` : `${last}: ended by ${signal}`);
      resolve({ last, launches: 0 });
    });
  });
}
