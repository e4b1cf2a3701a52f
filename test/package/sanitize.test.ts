/** scripts/sanitize/reports.mjs: only a race of which both sides are foreign is left out. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';

const load = () => import(join(packageRoot(), 'scripts/sanitize/reports.mjs'));

const freedByNode = `  Write of size 8 at 0x7b30 by thread T5:
    #0 operator delete(void*, unsigned long) tsan_new_delete.cpp:150 (libtsan.so+0x86c3d)
    #1 v8::platform::DefaultJobWorker::~DefaultJobWorker() <null> (node+0x1d5aa65)`;
const destroyedByNode = `  Previous write of size 1 at 0x7b30 by main thread (mutexes: write M1):
    #0 pthread_mutex_destroy tsan_interceptors_posix.cpp:1312 (libtsan.so+0x42191)
    #1 v8::platform::DefaultJobState::~DefaultJobState() <null> (node+0x1d65445)`;
const lockedByOneDnn = `  Atomic read of size 1 at 0x7b10 by thread T8:
    #0 pthread_rwlock_rdlock tsan_interceptors_posix.cpp:1406 (libtsan.so+0x447f1)
    #1 <null> <null> (libdnnl.so.2+0x182412)
    #2 <null> <null> (libsaturnn_cpu.so+0x4330b)`;
const ownThroughLibc = `  Previous write of size 8 at 0x7b30 by main thread:
    #0 realloc tsan_interceptors_posix.cpp:680 (libtsan.so+0x47e82)
    #1 __add_to_environ stdlib/setenv.c:156 (libc.so.6+0x3f0f1)
    #2 saturnn::loadBackend(std::string const&) native/core/loader.cc:36 (saturnn.node+0x8cfa)`;
const lost = `  Previous write of size 8 at 0x7b30 by main thread:
    [failed to restore the stack]`;
const created = `  Thread T5 (tid=1, running) created by main thread at:
    #0 pthread_create tsan_interceptors_posix.cpp:1001 (libtsan.so+0x5e686)
    #1 saturnn::Engine::Engine() native/core/engine.cc:16 (saturnn.node+0x2b87e)`;

const race = (...stacks: string[]) =>
  `WARNING: ThreadSanitizer: data race (pid=1)\n${stacks.join('\n\n')}\n\nSUMMARY: ThreadSanitizer: data race`;

describe('a race', () => {
  it.each([
    ['within Node.js', [freedByNode, destroyedByNode, created], 'Node.js'],
    ['within oneDNN, called by us', [lockedByOneDnn, lockedByOneDnn.replace('Atomic', 'Previous atomic')], 'oneDNN'],
    ['between the two', [lockedByOneDnn, destroyedByNode], 'oneDNN and Node.js'],
  ])('%s is left out', async (_, stacks, owner) => {
    const { foreignOf } = await load();
    expect(foreignOf(race(...stacks))).toBe(owner);
  });

  it.each([
    ['of which one side is ours', [freedByNode, ownThroughLibc]],
    ['of which one side is lost', [freedByNode, lost]],
    ['of which only one side is shown', [freedByNode]],
  ])('%s is a finding', async (_, stacks) => {
    const { foreignOf } = await load();
    expect(foreignOf(race(...stacks))).toBeUndefined();
  });
});

it('any other report is a finding', async () => {
  const { foreignOf, reportsIn } = await load();
  const log = `native/cpu/pool.cc:7:3: runtime error: signed integer overflow\n    #0 x (node+0x1)\n${[
    '==================',
    race(freedByNode, destroyedByNode),
    '==================',
    '==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x1 (node+0x1)',
  ].join('\n')}\n`;
  const reports: string[] = reportsIn(log);
  expect(reports.map((report) => foreignOf(report))).toEqual([undefined, 'Node.js', undefined]);
});
