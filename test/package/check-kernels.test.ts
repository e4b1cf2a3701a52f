/** scripts/check-kernels.mjs on small sources: it accepts good kernels, and finds each kind of bad kernel. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { temporaryFolder } from '../temporary';

const nvcc = [process.env.CUDACXX, 'nvcc', '/usr/local/cuda/bin/nvcc'].find(
  (name) => name && spawnSync(name, ['--version']).status === 0,
);
if (!nvcc) console.warn('Not run: the check of the kernels, because nvcc was not found.');

const good = `
template <class T, int Width>
__global__ void __launch_bounds__(256) twice(const T* __restrict__ x, T* __restrict__ y) {
  const int i = blockIdx.x * 256 + threadIdx.x;
  if constexpr (Width == 4) {
    const float4 v = reinterpret_cast<const float4*>(x)[i];
    reinterpret_cast<float4*>(y)[i] = make_float4(2 * v.x, 2 * v.y, 2 * v.z, 2 * v.w);
  } else {
    y[i] = 2 * x[i];
  }
}
template __global__ void twice<float, 1>(const float*, float*);
template __global__ void twice<float, 4>(const float*, float*);
`;

/** A sum that reads vectors and stores one scalar, which is allowed. */
const reduction = `
template <int Width>
__global__ void total(const float4* x, float* y, int count) {
  float sum = 0;
  for (int i = 0; i < count; ++i) sum += x[i].x + x[i].y + x[i].z + x[i].w;
  *y = sum;
}
template __global__ void total<4>(const float4*, float*, int);
`;

const narrow = `
template <int Kind, int Width>
__global__ void narrow(const float* x, float* y) {
  const int i = (blockIdx.x * 256 + threadIdx.x) * Width;
  for (int lane = 0; lane < Width; ++lane) y[i + lane] = Kind * x[i + lane];
}
template __global__ void narrow<3, 4>(const float*, float*);
`;

const local = `
__global__ void local(const int* x, float* y, const float* z) {
  float values[32];
  for (int i = 0; i < 32; ++i) values[i] = z[i];
  for (int i = 0; i < 32; ++i) values[x[i] & 31] += values[(x[i] + 1) & 31];
  y[threadIdx.x] = values[x[threadIdx.x] & 31];
}
`;

const spilling = `
__global__ void __launch_bounds__(1024, 2) spilling(const float* __restrict__ x, float* __restrict__ y, int n) {
  float v[64];
#pragma unroll
  for (int i = 0; i < 64; ++i) v[i] = x[i * n + threadIdx.x];
  for (int k = 0; k < n; ++k) {
#pragma unroll
    for (int i = 0; i < 64; ++i) v[i] = v[i] * v[(i + 7) % 64] + v[(i * 5 + 1) % 64];
  }
#pragma unroll
  for (int i = 0; i < 64; ++i) y[i * n + threadIdx.x] = v[i];
}
`;

describe.skipIf(!nvcc)('the check of the CUDA kernels', () => {
  const folder = temporaryFolder();
  const page = join(folder, 'page.md');
  let runs = 0;

  function check(sources: Readonly<Record<string, string>>, ...args: string[]) {
    return checkWith(process.env, sources, ...args);
  }

  function checkWith(env: NodeJS.ProcessEnv, sources: Readonly<Record<string, string>>, ...args: string[]) {
    const own = join(folder, String(runs++));
    mkdirSync(own);
    for (const [name, text] of Object.entries(sources)) writeFileSync(join(own, name), text);
    if (!existsSync(page)) writeFileSync(page, '');
    const script = join(packageRoot(), 'scripts/check-kernels.mjs');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [script, '--sources', own, '--page', page, ...args],
      { encoding: 'utf8', env },
    );
    return { status, text: `${stdout}${stderr}` };
  }

  it('writes a page that it then finds up to date, and keeps what follows it', () => {
    writeFileSync(page, '');
    expect(check({ 'a.cu': good, 'b.cu': reduction })).toMatchObject({ status: 0 });
    const written = readFileSync(page, 'utf8');
    expect(written).toContain('3 kernels in 2 files, 2 of them with 16-byte accesses: 0 spill, 0 use local memory');
    expect(written).toMatch(/^\| twice \| float, Width 4 \| 1 \| \d+ \| 0 \| 0 \| 0 \| 1 \| 1 \| 0 \| 0 \|$/m);
    writeFileSync(page, `${written}\n# By hand\n`);
    expect(check({ 'a.cu': good, 'b.cu': reduction })).toMatchObject({ status: 0 });
    expect(readFileSync(page, 'utf8')).toBe(`${written}\n# By hand\n`);
    expect(check({ 'a.cu': good, 'b.cu': reduction }, '--check')).toMatchObject({ status: 0 });
  });

  it('--check names the kernels that the page lacks, and those that are gone', () => {
    writeFileSync(page, '');
    check({ 'a.cu': good });
    const { status, text } = check({ 'b.cu': reduction }, '--check');
    expect(status).toBe(1);
    expect(text).toContain('b.cu | total | Width 4: missing');
    expect(text).toContain('a.cu | twice | float, Width 1: no such kernel');
  });

  it('a comment above a kernel excuses one kind of access, and not the other', () => {
    const stores = narrow.replace(
      'template <int Kind',
      '// Reads anything.\n// 16-byte stores only: no rows.\ntemplate <int Kind',
    );
    const { status, text } = check({ 'a.cu': stores });
    expect(status).toBe(1);
    expect(text).toContain('a.cu: narrow<3, 4> has no 16-byte store in the PTX');
    expect(text).not.toContain('has no 16-byte load');
  });

  it.each([
    ['a vector variant that moves scalars', narrow, 'narrow<3, 4> has no 16-byte load in the PTX'],
    ['the same, of stores', narrow, 'narrow<3, 4> has no 16-byte store in the PTX'],
    ['local memory', local, 'local has a stack frame of 128 bytes'],
    ['spills', spilling, 'spilling spills ('],
  ])('fails on %s', (_, source, message) => {
    const { status, text } = check({ 'bad.cu': source, 'good.cu': good });
    expect(status).toBe(1);
    expect(text).toContain(`bad.cu: ${message}`);
  });

  it('reads the SASS where nvdisasm is installed', () => {
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    const sass = `\t.section\t.text._Z5twiceIfLi4EEvPKT_PS0_,"ax",@progbits
        /*0080*/                   LDG.E.128.CONSTANT R4, [R2.64] ;
        /*0090*/                   LDL R9, [R1] ;
        /*00a0*/              @!P0 STG.E R7, [R6.64] ;
        /*00b0*/                   STG.E R7, [R6.64+0x4] ;
        /*00c0*/                   STG.E R7, [R6.64+0x8] ;
        /*00d0*/                   STG.E.64 R7, [R6.64+0xc] ;`;
    writeFileSync(join(tools, 'nvdisasm'), `#!/bin/sh\ncat <<'END'\n${sass}\nEND\n`);
    chmodSync(join(tools, 'nvdisasm'), 0o755);
    const { status, text } = checkWith({ ...process.env, PATH: `${tools}:${process.env.PATH}` }, { 'a.cu': good });
    expect(status).toBe(1);
    expect(text).toContain('a.cu: twice<float, 4> uses local memory');
    expect(text).toContain('a.cu: twice<float, 4> has no 16-byte store in the SASS');
    expect(text).not.toContain('16-byte load in the');
  });

  it("fails with the compiler's words", () => {
    const { status, text } = check({ 'bad.cu': '__global__ void f() { nothing(); }' });
    expect(status).toBe(1);
    expect(text).toContain('identifier "nothing" is undefined');
  });
});
