// Checks that libraries are hardened as cmake/CompilerOptions.cmake says. What a library lacks would be noticed by nobody
// else: it works as well without.
import { execFileSync } from 'node:child_process';
import { basename } from 'node:path';
import { addon } from '../native-files.mjs';
import { StageError } from '../stage.mjs';

const readelf = (file, ...options) =>
  execFileSync('readelf', [...options, '--wide', file], { encoding: 'utf8', maxBuffer: 2 ** 26 });

/** Returns what a library lacks, in words; empty if it lacks nothing. */
export function missingIn(file) {
  const segments = readelf(file, '--program-headers');
  const dynamic = readelf(file, '--dynamic');
  const symbols = readelf(file, '--dyn-syms');
  const [, flags] = /GNU_STACK(?:\s+0x\w+){5}\s+(\w+)/.exec(segments) ?? [];
  const checks = {
    RELRO: /GNU_RELRO/.test(segments),
    BIND_NOW: /BIND_NOW|FLAGS_1.*\bNOW\b/.test(dynamic),
    'a stack that is not executable': flags !== undefined && !flags.includes('E'),
    'the stack protector': /\b__stack_chk_fail\b/.test(symbols),
    // Functions of glibc that check the size of what they write to. The addon calls none that has a check.
    _FORTIFY_SOURCE: basename(file) === addon || /\b__\w+_chk\b/.test(symbols.replaceAll('__stack_chk_fail', '')),
  };
  return Object.keys(checks).filter((name) => !checks[name]);
}

/** Checks that libraries lack nothing. @throws StageError that names each that does */
export function checkHardening(files) {
  const lacking = files.map((file) => [basename(file), missingIn(file)]).filter(([, missing]) => missing.length > 0);
  if (lacking.length === 0) return;
  throw new StageError(lacking.map(([name, missing]) => `${name} lacks ${missing.join(', ')}`).join('\n'));
}
