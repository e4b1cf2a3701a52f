/**
 * A system with Node.js and almost nothing else: the C and C++ libraries, a shell and coreutils, copied from the host's
 * Debian packages into a folder that commands see as their root folder. It has no compiler, CMake, Python or oneDNN.
 * Commands run in their own namespaces, which needs root or a kernel that lets users make them.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/runtime/locate';

/** Major versions of Node.js that `npm run setup:node` installs. */
export const nodeVersions = ['20', '22', '24'] as const;
export type NodeVersion = (typeof nodeVersions)[number];
const nodeFolder = (version: NodeVersion) => join(packageRoot(), 'out', 'node', version);

const libraries = ['libc6', 'libgcc-s1', 'libstdc++6'];
const shell = ['dash', 'coreutils', 'libacl1', 'libattr1', 'libselinux1', 'libpcre2-8-0', 'libgmp10', 'sed'];

const namespaces = ['--mount', '--pid', '--fork', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];

/** Returns why such a system cannot be made on this host; undefined if it can. */
export function whyNoCleanRoot(): string | undefined {
  if (!existsSync('/usr/bin/dpkg')) return 'this system has no dpkg';
  const absent = nodeVersions.filter((version) => !existsSync(join(nodeFolder(version), 'bin/npx')));
  if (absent.length > 0) return `Node ${absent.join(', ')} is not in out/node: npm run setup:node`;
  const probe = 'mount -t proc proc /proc && mount --rbind /dev /mnt && chroot / true';
  const { status, stderr } = spawnSync('unshare', [...namespaces, 'sh', '-c', probe], { encoding: 'utf8' });
  return status === 0 ? undefined : `no namespaces: ${stderr}`;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class CleanRoot {
  constructor(readonly folder: string) {
    // In Debian these are links into /usr, through which the packages below are unpacked.
    for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
      mkdirSync(join(folder, 'usr', name), { recursive: true });
      symlinkSync(`usr/${name}`, join(folder, name));
    }
    for (const name of ['dev', 'proc', 'tmp', 'root', 'etc', 'opt/node', 'opt/pnpm']) {
      mkdirSync(join(folder, name), { recursive: true });
    }
    const listed = execFileSync('dpkg', ['-L', ...libraries, ...shell], { encoding: 'utf8' });
    const files = listed.split('\n').filter((file) => file.startsWith('/') && !file.startsWith('/usr/share/'));
    const script = 'tar -C / --no-recursion -T - -cf - | tar -C "$0" --keep-directory-symlink -xf -';
    execFileSync('bash', ['-o', 'pipefail', '-c', script, folder], {
      input: [...new Set(files)].map((file) => file.slice(1)).join('\n'),
    });
    cpSync(join(packageRoot(), 'node_modules/pnpm'), join(folder, 'opt/pnpm'), { recursive: true, dereference: true });
  }

  /** Runs a shell command in a folder of the system, which is made if it does not exist. The network is the host's. */
  async run(version: NodeVersion, folder: string, command: string): Promise<Outcome> {
    mkdirSync(join(this.folder, folder), { recursive: true });
    const enter = [
      'mount --bind "$1" "$0/opt/node"',
      'mount --rbind /dev "$0/dev"',
      'mount -t proc proc "$0/proc"',
      'exec chroot "$0" /usr/bin/env -i HOME=/root PATH=/opt/node/bin:/usr/bin CI=1 sh -c "cd \'$2\' && $3"',
    ].join(' && ');
    const args = [...namespaces, 'sh', '-c', enter, this.folder, nodeFolder(version), folder, command];
    const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (data) => (text.stdout += data));
    child.stderr.on('data', (data) => (text.stderr += data));
    const [code] = await once(child, 'close');
    return { code, ...text };
  }
}
