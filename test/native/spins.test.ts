/**
 * OpenMP's threads are told to spin for a short time only, without a change of the environment that another thread, which reads
 * it at that moment, could see half done.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { binaryPath } from '../../lib/runtime/locate';
import { compileFake } from '../fakes/build';

const folder = mkdtempSync(join(tmpdir(), 'saturnn-spins-'));
compileFake(folder, 'libwatch.so', 'watch_environment.c');
afterAll(() => rmSync(folder, { recursive: true }));

/** Opens the CPU device twice in a process of its own. @returns what OpenMP and the watching library wrote */
function open(variables: Readonly<Record<string, string>>): { stdout: string; stderr: string } {
  const options = { libraryPath: binaryPath('libsaturnn_cpu.so'), index: 0, threads: 1, searchPaths: [] };
  const program = `
    const addon = require(${JSON.stringify(binaryPath('saturnn.node'))});
    const names = Object.keys(process.env).sort().join();
    for (let i = 0; i < 2; i++) addon.openDevice(${JSON.stringify(options)});
    console.log(process.env.GOMP_SPINCOUNT, Object.keys(process.env).sort().join() === names);
    process.exit(0);`;
  const { GOMP_SPINCOUNT: _, OMP_WAIT_POLICY: __, ...env } = process.env;
  const preload = [env.LD_PRELOAD, join(folder, 'libwatch.so')].filter(Boolean).join(':');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
    env: { ...env, ...variables, LD_PRELOAD: preload, OMP_DISPLAY_ENV: 'verbose' },
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return { stdout, stderr };
}

test('the variable is there for OpenMP alone, and nothing sets or unsets it', () => {
  const { stdout, stderr } = open({});
  expect(stderr).toMatch(/GOMP_SPINCOUNT = '1000'/);
  expect(stderr).not.toMatch(/setenv/);
  expect(stdout).toBe('undefined true\n');
});

test('a value of the user is kept', () => {
  const { stdout, stderr } = open({ GOMP_SPINCOUNT: '77' });
  expect(stderr).toMatch(/GOMP_SPINCOUNT = '77'/);
  expect(stdout).toBe('77 true\n');
});
