// Runs the fuzzer of the public API in child processes: each call must end, in time, with a result or an error with a code. A process that
// ends before its last call was killed by a signal, or ended by the call whose number it had noted; the next one goes on behind it.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
/** Longest time of one call, in milliseconds: far above what any of these small ones takes, also on a busy machine. */
const timeBound = 60_000;
/** Calls of one process: what a call leaves behind (open files, memory) must not add up to a fault of another one. */
const perProcess = 10_000;

/**
 * @param dist folder of the compiled package
 * @param calls number of calls
 * @param seed equal seeds make equal calls
 * @param first number of the first call, to go on where an earlier run of the seed has ended
 * @param onFault is called with each fault as text
 * @param onCalls is called after each process with the number of calls done
 * @returns (resolves to) the faults
 */
export async function fuzzApi({ dist, calls, seed, first: begin = 0, onFault = () => {}, onCalls = () => {} }) {
  const faults = [];
  const fault = (what) => {
    faults.push(what);
    onFault(what);
  };
  for (let first = begin; first < begin + calls; ) {
    const last = Math.min(first + perProcess, begin + calls);
    const { ended, at, lines, end } = await runChild({ dist, seed, first, last });
    for (const { number, name, args = '', error } of lines)
      fault(`seed ${seed}, call ${number}: ${name} ${args}: ${error}`);
    if (!ended) fault(`seed ${seed}, call ${at}: ${end}`);
    first = ended ? last : Number.parseInt(at, 10) + 1;
    if (Number.isNaN(first)) throw new Error(`The fuzzer does not start: ${end}`);
    onCalls(first - begin);
  }
  return faults;
}

function runChild({ dist, seed, first, last }) {
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-fuzz-'));
  const progress = `${folder}.progress`;
  writeFileSync(progress, '');
  const args = [join(here, 'child.cjs'), dist, folder, seed, first, last, progress].map(String);
  const child = spawn(process.execPath, ['--max-old-space-size=1024', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (part) => (out += part));
  child.stderr.on('data', (part) => (err = (err + part).slice(-4000)));
  const noted = () => readFileSync(progress, 'utf8').trim();
  let [before, hangs] = [noted(), false];
  const timer = setInterval(() => {
    const now = noted();
    hangs = now === before;
    before = now;
    if (hangs) child.kill('SIGKILL');
  }, timeBound);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearInterval(timer);
      const lines = out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
      const ended = lines.some(({ done }) => done === last) && code === 0;
      const end = hangs
        ? 'does not return'
        : `the process ended with ${signal ?? `exit code ${code}`}: ${err.slice(-1500)}`;
      const result = { ended, at: noted(), lines: lines.filter(({ done }) => done === undefined), end };
      rmSync(folder, { recursive: true, force: true });
      rmSync(progress, { force: true });
      resolve(result);
    });
  });
}
