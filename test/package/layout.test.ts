/** scripts/pack/layout.mjs finds files that must not be published, by their names and by the libraries that they would load. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();
let made = 0;

function folderWith(...names: string[]): string {
  const own = join(folder, String(made++));
  for (const name of names) {
    mkdirSync(join(own, name, '..'), { recursive: true });
    writeFileSync(join(own, name), '');
  }
  return own;
}

function check(where: string) {
  const script = `import { checkLayout } from '${join(packageRoot(), 'scripts/pack/layout.mjs')}'; checkLayout(process.argv[1]);`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script, where], { encoding: 'utf8' });
}

describe('the layout of what is published', () => {
  it.each([
    'libcudart.so.13',
    'out/libcudart_static.a',
    'out/libcudnn_graph.so.9',
    'node_modules/x/libcublasLt.so.13.0.2',
    'libnvrtc-builtins.so.13.0',
    'libnvJitLink.so.13',
    'libcuda.so.1',
    'include/cudnn_backend.h',
    'include/cuda_fp16.hpp',
    'cuda_runtime.h',
    'nvrtc.h',
  ])('has no %s', (name) => {
    const { status, stderr } = check(folderWith('out/libsaturnn_cuda.so', name));
    expect(stderr).toContain(`${name} is NVIDIA's`);
    expect(status).not.toBe(0);
  });

  it('has files of our own, and of others', () => {
    const names = [
      'out/libsaturnn_cuda.so',
      'out/libdnnl.so.2',
      'dist/ops/curve.d.ts',
      'native/shared/backend.h',
      'num.h',
    ];
    expect(check(folderWith(...names))).toMatchObject({ status: 0, stderr: '' });
  });

  it('has headers of our own that are called like those of NVIDIA, but not those', () => {
    const own = folderWith('native/cuda/cudnn_graph.h');
    expect(check(own)).toMatchObject({ status: 0, stderr: '' });
    writeFileSync(join(own, 'native/cuda/cudnn_graph.h'), '/*\n * Copyright 2014-2025 NVIDIA Corporation.\n */');
    expect(check(own).stderr).toContain("native/cuda/cudnn_graph.h is NVIDIA's");
  });

  it("needs none of NVIDIA's libraries to be loaded", () => {
    const own = folderWith('empty.c');
    const build = (output: string, ...more: string[]) =>
      spawnSync('gcc', ['-shared', '-o', join(own, output), join(own, 'empty.c'), ...more], { encoding: 'utf8' });
    expect(build('stub.so', '-Wl,-soname,libcudnn.so.9')).toMatchObject({ status: 0 });
    expect(build('libsaturnn_cuda.so', '-Wl,--no-as-needed', join(own, 'stub.so'))).toMatchObject({ status: 0 });
    const { status, stderr } = check(own);
    expect(stderr).toContain('libsaturnn_cuda.so needs libcudnn.so.9');
    expect(status).not.toBe(0);
  });
});
