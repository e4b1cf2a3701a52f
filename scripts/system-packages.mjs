// Finds the system packages that the native build needs, and installs missing ones with apt-get if this user may.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, StageError } from './stage.mjs';

const onPath = (program) => process.env.PATH.split(':').some((folder) => existsSync(join(folder, program)));

function hasDnnl() {
  const prefixes = [process.env.DNNL_ROOT, '/usr', '/usr/local'].filter(Boolean);
  return prefixes.some((prefix) => existsSync(join(prefix, 'include/oneapi/dnnl/dnnl.hpp')));
}

function missingPackages() {
  const needed = {
    'libdnnl-dev': hasDnnl(),
    cmake: onPath('cmake'),
    'g++': onPath('g++'),
    'ninja-build': onPath('ninja'),
  };
  return Object.keys(needed).filter((name) => !needed[name]);
}

/** Command prefix with which apt-get runs without a password: [] for root, sudo if it asks for none, null if neither works. */
function privilege() {
  if (process.getuid() === 0) return [];
  if (onPath('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0) return ['sudo', '-n'];
  return null;
}

export async function systemPackages() {
  const missing = missingPackages();
  if (missing.length === 0) return 'already there';

  const remedy = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  const prefix = privilege();
  if (prefix === null || !onPath('apt-get')) {
    const why = onPath('apt-get') ? 'this user may not install them' : 'this system has no apt-get';
    throw new StageError(
      `Missing system packages: ${missing.join(', ')}; ${why}.\nInstall them, then start again:\n\n  ${remedy}\n`,
    );
  }

  const apt = (name, ...args) => {
    const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
    return run(name, command, rest, { remedy });
  };
  await apt('package lists', 'update');
  await apt('system packages', 'install', '-y', '--no-install-recommends', ...missing);
  const still = missingPackages();
  if (still.length > 0)
    throw new StageError(`apt-get succeeded, but these were not found: ${still.join(', ')}. PATH: ${process.env.PATH}`);
  return `installed ${missing.join(' ')}`;
}
