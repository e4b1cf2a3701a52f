// The system packages that the native build needs: found, or installed through apt-get where that is allowed.
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

/** How apt-get may be run here without asking anyone: as root, through passwordless sudo, or not at all (null). */
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
    const why = onPath('apt-get') ? 'this user may not install them' : 'there is no apt-get here';
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
    throw new StageError(`apt-get ended well, yet these are not found: ${still.join(', ')}. PATH: ${process.env.PATH}`);
  return `installed ${missing.join(' ')}`;
}
