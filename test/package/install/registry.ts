/**
 * A local npm registry (verdaccio) that holds the packages to test, and gets all others from the registry that npm uses
 * here.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface Registry {
  readonly url: string;
  /** Environment variables that npm needs to publish there. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const user = { name: 'publisher', password: 'for a registry that ends with the test' };

export async function startRegistry(folder: string): Promise<Registry> {
  mkdirSync(folder, { recursive: true });
  const uplink = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  const { runServer } = require('verdaccio') as { runServer(config: unknown): Promise<Server> };
  const server = await runServer({
    // Verdaccio writes its files beside this path; no file has to exist there.
    self_path: join(folder, 'config.yaml'),
    configPath: join(folder, 'config.yaml'),
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd') } },
    uplinks: { npm: { url: uplink, maxage: '60m' } },
    packages: {
      saturnn: { access: '$all', publish: '$authenticated' },
      '@saturnn/*': { access: '$all', publish: '$authenticated' },
      '**': { access: '$all', proxy: 'npm' },
    },
    max_body_size: '100mb',
    web: { enable: false },
    log: { type: 'stdout', format: 'pretty', level: 'fatal' },
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  const token = await login(url);

  const userconfig = join(folder, 'npmrc');
  writeFileSync(userconfig, `//127.0.0.1:${port}/:_authToken=${token}\n`);
  return {
    url,
    environment: { NPM_CONFIG_USERCONFIG: userconfig },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function login(url: string): Promise<string> {
  const response = await fetch(`${url}-/user/org.couchdb.user:${user.name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(user),
  });
  const { token, error } = (await response.json()) as { token?: string; error?: string };
  if (token === undefined) throw new Error(`The registry gave no token: ${error}`);
  return token;
}
