// Reads the reports of a sanitizer, and tells those of our code from those of code that is not ours and not instrumented.
//
// ThreadSanitizer sees of Node.js, oneDNN and OpenMP's runtime only the calls that it intercepts (malloc, free, memcpy, locks), and
// not the atomic operations by which they synchronise. So it reports races between two accesses of theirs that are none.
// A race is left out only if *both* accesses were made by one of these; one access of ours, or of anything unknown, is a finding.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Code that is not instrumented, why its own races are not ours, and how its modules are called. */
export const foreign = [
  {
    name: 'Node.js',
    module: /^node$/,
    // E.g. ~DefaultJobWorker frees what ~DefaultJobState has destroyed: a shared_ptr, counted by atomics inside V8.
    why: 'V8 and libuv count references and hand over messages by atomics that are not instrumented',
  },
  {
    name: 'oneDNN',
    module: /^libdnnl\.so/,
    // E.g. its cache of primitives is made by the first thread that asks (a static local), and locked by all.
    why: 'its global caches are made once, guarded by atomics that are not instrumented',
  },
  {
    name: "LLVM's OpenMP",
    module: /^lib(gomp|omp)(-\d+)?\.so/,
    // E.g. a thread's own lock, initialised before the thread is put on a list. libarcher tells of fork, join and barriers.
    why: 'the runtime itself is not instrumented; libarcher tells of the synchronisation that it gives to programs',
  },
];

/** Libraries that act for their caller: the frame above them says who made an access. */
const acting = /^(lib(tsan|asan|ubsan|c|m|pthread|stdc\+\+|gcc_s|archer)|ld-linux-x86-64|linux-vdso)\b/;

const moduleOf = (frame) => /\(([^()\s]+?)\+0x[0-9a-f]+\)\s*$/.exec(frame)?.[1].split('/').at(-1);

/** Returns the module that made an access, from the frames of its stack; undefined if no frame says. */
function makerOf(frames) {
  const modules = frames.map(moduleOf).filter((module) => module !== undefined);
  return modules.find((module) => !acting.test(module));
}

/** Returns the stacks of the two accesses of a race, without those where memory was allocated, a thread created or a lock made. */
function accessesOf(report) {
  const blocks = report.split(/\n\s*\n/);
  const accesses = blocks.filter((block) =>
    /^\s*(WARNING: ThreadSanitizer.*\n\s*)?(Previous )?(atomic )?(read|write) of size /im.test(block),
  );
  return accesses.map((block) => block.split('\n').filter((line) => /^\s+#\d+ /.test(line)));
}

/** Returns the names in `foreign` of the code that races, or undefined unless both accesses are foreign. */
export function foreignOf(report) {
  if (!report.includes('WARNING: ThreadSanitizer: data race')) return undefined;
  const accesses = accessesOf(report);
  if (accesses.length < 2) return undefined;
  const owners = accesses.map((frames) => {
    const maker = makerOf(frames);
    return maker === undefined ? undefined : foreign.find(({ module }) => module.test(maker))?.name;
  });
  return owners.includes(undefined) ? undefined : [...new Set(owners)].join(' and ');
}

const beginning =
  /^(?:WARNING: ThreadSanitizer|==\d+==ERROR: |FATAL: |AddressSanitizer:DEADLYSIGNAL|.*: runtime error: )/;

/** Splits the output of a program into reports. One ends where the next begins, or at an empty line after its summary or stack. */
export function reportsIn(text) {
  const starts = new RegExp(`(?=${beginning.source})`, 'm');
  const pieces = text.replace(/^=+$/gm, '').split(starts);
  return pieces
    .filter((piece) => beginning.test(piece))
    .map((piece) => piece.replace(/(^SUMMARY: .*)[\s\S]*/m, '$1').trim())
    .map((report) => (report.includes(': runtime error: ') ? report.split(/\n\s*\n/)[0] : report));
}

/** Adds functions and lines to frames of our libraries, which lie in `folder`, where the sanitizer found none. */
export function withLines(report, folder) {
  return report.replace(/<null> <null> \(([^()\s]+)\+(0x[0-9a-f]+)\)/g, (frame, module, address) => {
    const library = join(folder, basename(module));
    if (!existsSync(library)) return frame;
    const { stdout } = spawnSync('addr2line', ['-Cfpe', library, address], { encoding: 'utf8' });
    return stdout ? `${stdout.trim()} (${module}+${address})` : frame;
  });
}

/** Returns what was found, and where. Reports with equal titles are the same finding. */
export function titleOf(report) {
  const title = /^SUMMARY: (.*)$/m.exec(report)?.[1] ?? report.split('\n')[0];
  return title.replace(/0x[0-9a-f]+|(?<=shift of )-?\d+/g, 'N');
}
