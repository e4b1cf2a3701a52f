/**
 * `npm run bench -- install`: measures how long a user waits for `npm install saturnn` and for require('saturnn'). npm
 * installs from a registry on this machine, with an empty npm cache. The registry has fetched all dependencies before, so
 * the time of a network is not measured.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compare, environment, type Measurement, median } from '../lib/measure/harness';
import { packageRoot } from '../lib/runtime/locate';
import { type Registry, startRegistry } from '../test/package/install/registry';

export interface InstallReport {
  readonly environment: Record<string, unknown>;
  readonly npm: string;
  /** Duration of each installation and their median, in milliseconds. */
  readonly install: { readonly median: number; readonly samples: readonly number[] };
  /** Milliseconds of a process that does nothing, of a process that requires saturnn, and of require() itself. */
  readonly require: readonly Measurement[];
}

// npm must run asynchronously, because the registry that answers it runs in this process.
const execute = promisify(execFile);

/** @throws Error if out/packages is missing (`npm run pack:all -- --built` makes it) or an installation fails */
export async function measureInstall({ rounds }: { rounds: number }): Promise<InstallReport> {
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-bench-'));
  const registry = await startRegistry(join(folder, 'registry'));
  try {
    await publish(registry);
    // Not counted: during this installation the registry fetches the dependencies.
    let app = (await install(folder, 'first', registry)).app;
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { app: next, milliseconds } = await install(folder, `round${round}`, registry);
      app = next;
      samples.push(milliseconds);
    }
    const { stdout: npm } = await execute('npm', ['--version']);
    const required = await measureRequire(app);
    return {
      environment: environment(),
      npm: npm.trim(),
      install: { median: median(samples), samples },
      require: required,
    };
  } finally {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function publish(registry: Registry): Promise<void> {
  const root = packageRoot();
  if (!existsSync(join(root, 'out/packages')))
    throw new Error('The folder out/packages is missing. Remedy: npm run pack:all -- --built');
  const script = join(root, 'scripts/release/publish.mjs');
  await execute(process.execPath, [script, '--packed', '--registry', registry.url], {
    env: { ...process.env, ...registry.environment },
  });
}

async function install(
  folder: string,
  name: string,
  { url }: Registry,
): Promise<{ app: string; milliseconds: number }> {
  const app = join(folder, name);
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true }');
  const args = [
    'install',
    'saturnn',
    '--registry',
    url,
    '--cache',
    join(folder, `${name}-cache`),
    '--no-audit',
    '--no-fund',
  ];
  const start = performance.now();
  await execute('npm', args, { cwd: app });
  return { app, milliseconds: performance.now() - start };
}

function measureRequire(cwd: string): Promise<Measurement[]> {
  const run = async (script: string) => (await execute(process.execPath, ['-e', script], { cwd })).stdout;
  const timed = "const t = performance.now(); require('saturnn'); console.log(performance.now() - t)";
  return compare(
    [
      { name: 'node', run: async () => void (await run('0')) },
      { name: 'node with require', run: async () => void (await run("require('saturnn')")) },
      { name: 'require', run: async () => Number(await run(timed)) },
    ],
    { rounds: 15 },
  );
}
