/** The threads of a CPU device: how many, what limits them, and a system that refuses them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { binaryPath, packageRoot } from '../../lib/runtime/locate';
import { Fakes } from './support';

const fakes = new Fakes();
afterAll(() => fakes.remove());

/** Opens the CPU with each number of threads in a new process, after `before` has run in it. */
function openedWith(threads: number[], { before = '', env = {} as NodeJS.ProcessEnv } = {}): unknown[] {
  const path = join(fakes.folder, 'open.js');
  const script = `
    const addon = require(${JSON.stringify(binaryPath('saturnn.node'))});
    const open = (threads) => {
      try {
        const libraryPath = ${JSON.stringify(binaryPath('libsaturnn_cpu.so'))};
        const device = addon.openDevice({ libraryPath, index: 0, threads, searchPaths: [] });
        return JSON.parse(device.info).threads;
      } catch ({ code, message }) {
        return code + ' ' + message;
      }
    };
    const given = ${JSON.stringify(threads)};
    if (${before !== ''}) open(1); // loads the libraries, which take memory as well
    ${before}
    console.log(JSON.stringify(given.map(open)));`;
  writeFileSync(path, script);
  const { OMP_NUM_THREADS: _, OMP_THREAD_LIMIT: __, OMP_STACKSIZE: ___, ...bare } = process.env;
  return JSON.parse(
    execFileSync(process.execPath, [path], { encoding: 'utf8', stdio: 'pipe', env: { ...bare, ...env } }),
  );
}

describe('the number of threads', () => {
  const usual = openedWith([0])[0] as number;

  test('is what the option says, or OMP_NUM_THREADS, or the number of cores', () => {
    expect(usual).toBeGreaterThanOrEqual(1);
    expect(openedWith([3])).toEqual([3]);
    expect(openedWith([0, 2], { env: { OMP_NUM_THREADS: '3' } })).toEqual([3, 2]);
    expect(openedWith([0], { env: { OMP_NUM_THREADS: '5,2' } })).toEqual([5]);
    expect(openedWith([0], { env: { OMP_NUM_THREADS: '' } })).toEqual([usual]);
  });

  test('is at most OMP_THREAD_LIMIT', () => {
    expect(openedWith([4], { env: { OMP_THREAD_LIMIT: '2' } })).toEqual([2]);
  });
});

test('a CPU device is opened after Node.js has its own threads, which it could not have later', () => {
  const path = join(fakes.folder, 'own.js');
  const library = JSON.stringify(join(packageRoot(), 'dist'));
  writeFileSync(
    path,
    `const count = () => require('node:fs').readdirSync('/proc/self/task').length;
     require(${library}).openDevice('cpu', { threads: 2 });
     const before = count();
     require('node:fs').promises.readFile(__filename).then(() => console.log(count() - before));`,
  );
  expect(execFileSync(process.execPath, [path], { encoding: 'utf8' })).toBe('0\n');
});

describe('a system that refuses threads', () => {
  // Stacks of 256 MiB in an address space that has 600 MiB left: room for the engine's thread (8 MiB) and two others.
  const limited = `
    const { execFileSync } = require('node:child_process');
    const status = require('node:fs').readFileSync('/proc/self/status', 'utf8');
    const used = Number(/VmSize:\\s+(\\d+)/.exec(status)[1]) * 1024;
    execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (used + 600 * 2 ** 20) + ':']);`;
  const env = { OMP_STACKSIZE: '256M', MALLOC_ARENA_MAX: '1' };

  test('leaves a device with fewer, unless their number was given', () => {
    const [asked, usual, again] = openedWith([8, 0, 2], { before: limited, env: { ...env, OMP_NUM_THREADS: '8' } });
    expect(asked).toMatch(
      /^ERR_THREADS The system grants 3 threads for computing, but 8 were asked for\. Limits: ulimit -u/,
    );
    expect(usual).toBe(3);
    expect(again).toMatch(/^ERR_THREADS The system grants 1 threads/); // the device before has them
  });
});

describe('limits of control groups', () => {
  const program = fakes.build('limits', ['test/fakes/limits.cc', 'native/cpu/device/limits.cc']);
  let made = 0;

  /** Reads the limits from a tree of files, given by their paths and contents. */
  function limitsOf(files: Readonly<Record<string, string>>): { processors: number; memory: number } {
    const root = join(fakes.folder, `root${made++}`);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return JSON.parse(execFileSync(program, [root], { encoding: 'utf8' }));
  }

  const version2 = {
    'proc/self/cgroup': '0::/system.slice/job.service\n',
    'proc/self/mountinfo': '30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n',
  };

  test('of version 2 are the lowest of the group and those around it', () => {
    expect(
      limitsOf({
        ...version2,
        'sys/fs/cgroup/system.slice/job.service/cpu.max': '350000 100000\n',
        'sys/fs/cgroup/system.slice/job.service/memory.max': 'max\n',
        'sys/fs/cgroup/system.slice/cpu.max': '150000 100000\n',
        'sys/fs/cgroup/system.slice/memory.max': '2147483648\n',
      }),
    ).toEqual({ processors: 1.5, memory: 2 ** 31 });
  });

  test('are those of the container, whose group is mounted at the top', () => {
    const files = {
      'proc/self/cgroup': '0::/../docker/abc\n',
      'proc/self/mountinfo': '30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n',
      'sys/fs/cgroup/cpu.max': '200000 100000\n',
    };
    expect(limitsOf(files)).toEqual({ processors: 2, memory: 0 });
  });

  test('of version 1 are read from the hierarchy of each controller', () => {
    expect(
      limitsOf({
        'proc/self/cgroup': '5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n',
        'proc/self/mountinfo':
          '40 30 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n' +
          '41 30 0:31 / /sys/fs/cgroup/cpu,cpuacct ro shared:9 - cgroup cgroup rw,cpu,cpuacct\n',
        'sys/fs/cgroup/memory/memory.limit_in_bytes': '536870912\n',
        'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us': '50000\n',
        'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us': '100000\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
        'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
      }),
    ).toEqual({ processors: 0.5, memory: 2 ** 29 });
  });

  test('are none where nothing sets one, or nothing can be read', () => {
    const none = { processors: 0, memory: 0 };
    const unlimited = { 'cpu.max': 'max 100000\n', 'memory.max': 'max\n' };
    const top = Object.entries(unlimited).map(([name, text]) => [
      `sys/fs/cgroup/system.slice/job.service/${name}`,
      text,
    ]);
    expect(limitsOf({ ...version2, ...Object.fromEntries(top) })).toEqual(none);
    expect(limitsOf({ 'proc/self/cgroup': 'nonsense\n0::\n', 'proc/self/mountinfo': '\n - \n' })).toEqual(none);
    expect(
      limitsOf({ 'proc/self/cgroup': '9:memory:/\n', 'proc/self/mountinfo': version2['proc/self/mountinfo'] }),
    ).toEqual(none);
  });
});
