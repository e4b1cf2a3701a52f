/** The published libraries are hardened: cmake/CompilerOptions.cmake says with what, and why. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { temporaryFolder } from '../temporary';

const root = packageRoot();
const folder = temporaryFolder();
const load = () => import(join(root, 'scripts/pack/hardening.mjs'));
const built = ['saturnn.node', 'libsaturnn_cpu.so', 'libsaturnn_cuda.so'].map((name) => join(root, 'out', name));

describe('hardening', () => {
  it.each(built.filter((file) => existsSync(file)))('of %s is complete', async (file) => {
    const { missingIn } = await load();
    expect(missingIn(file)).toEqual([]);
  });

  it('is missed where it is missing', async () => {
    const { checkHardening } = await load();
    const [source, library] = [join(folder, 'empty.c'), join(folder, 'libplain.so')];
    writeFileSync(source, '');
    const plain = ['-fno-stack-protector', '-Wl,-z,norelro,-z,lazy,-z,execstack'];
    execFileSync('gcc', ['-shared', '-fPIC', ...plain, '-o', library, source]);
    const everything = 'RELRO, BIND_NOW, a stack that is not executable, the stack protector, _FORTIFY_SOURCE';
    expect(() => checkHardening([...built.slice(0, 2), library])).toThrow(`libplain.so lacks ${everything}`);
  });
});
