/**
 * `saturnn build` in the published package: CMake really configures, and so finds every source that it lists. Compiling
 * is left to a stage of CI.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../temporary';
import { isRequired, type Packed, packedPackages, whyNotPacked } from './packed';

const folder = temporaryFolder();
const log = join(folder, 'commands');
let packed: Packed;

const cmake = spawnSync('which', ['cmake'], { encoding: 'utf8' }).stdout.trim();

/** A script that takes the place of cmake in PATH. It records every call and passes it on, except calls that compile. */
const recorder = `#!/bin/sh
printf '%s\\n' "$*" >> '${log}'
[ "$1" = --build ] && exit "\${BUILD_STATUS:-0}"
exec "$CMAKE" "$@"
`;

const reason = whyNotPacked();
describe.skipIf(reason !== undefined && !isRequired)(`saturnn build${reason ? ` (${reason})` : ''}`, () => {
  beforeAll(() => {
    packed = packedPackages();
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/cmake'), recorder);
    chmodSync(join(folder, 'bin/cmake'), 0o755);
  });

  function build(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const main = join(packed.folder('saturnn'), 'dist/cli/main.js');
    const PATH = `${join(folder, 'bin')}:${process.env.PATH}`;
    return spawnSync(process.execPath, [main, 'build', ...args], {
      encoding: 'utf8',
      env: { ...process.env, PATH, CMAKE: cmake, ...env },
    });
  }

  it('configures what the package holds, then builds it, and says how it is used', () => {
    const out = join(folder, 'out');
    const { status, stdout, stderr } = build(['--cuda', 'off', '--out', out, '--jobs', '3']);
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('CPU backend: oneDNN 2.');
    expect(stdout).toContain('CUDA backend: left out (SATURNN_CUDA=OFF)');
    expect(stdout).toContain(`SATURNN_BINARY=${out} is set`);
    expect(existsSync(join(out, 'build/CMakeCache.txt'))).toBe(true);
    const commands = readFileSync(log, 'utf8').trim().split('\n');
    expect(commands.at(-1)).toBe(`--build ${out}/build --parallel 3`);
    expect(commands.find((line) => line.startsWith('--fresh -S '))).toContain(`-DSATURNN_OUT=${out}`);
  });

  it('fails with what CMake says, and what to install', () => {
    const out = join(folder, 'no-cuda');
    const { status, stderr } = build(['--cuda', 'on', '--cudnn', '/nowhere', '--out', out], {
      CUDACXX: '/nowhere/nvcc',
      CUDA_PATH: '/nowhere',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('SATURNN_CUDA=ON, but these were not found');
    expect(stderr).toMatch(
      /^error \[ERR_BUILD\]: cmake --fresh -S .* failed \(exit 1\): see above\. On Debian 12: `apt-get install cmake/m,
    );
  });

  it('fails where compiling fails', () => {
    const { status, stderr } = build(['--cuda', 'off', '--out', join(folder, 'broken')], { BUILD_STATUS: '7' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error \[ERR_BUILD\]: cmake --build .* failed \(exit 7\)/m);
  });

  it('says where CMake is missing, and where it may not write', () => {
    const PATH = join(folder, 'empty');
    expect(build(['--out', join(folder, 'x')], { PATH }).stderr).toContain('cmake was not found on PATH');
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const { status, stderr } = build(['--out', join(file, 'below')]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error \[ERR_OUTPUT\]: .*below/);
  });

  it('forgets what an earlier build was told', () => {
    const out = join(folder, 'twice');
    const architectures = () =>
      /SATURNN_CUDA_ARCHITECTURES:\w+=(.*)/.exec(readFileSync(join(out, 'build/CMakeCache.txt'), 'utf8'))?.[1];
    expect(build(['--cuda', 'off', '--cuda-architectures', '80', '--out', out]).status).toBe(0);
    expect(architectures()).toBe('80');
    expect(build(['--cuda', 'off', '--out', out]).status).toBe(0);
    expect(architectures()).toBe('90');
  });
});
