// A program with Next.js (bundlers/next): built with each of its two bundlers, its standalone folder moved elsewhere, and asked for a
// training step.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { node, root } from '../stage.mjs';

const source = join(root, 'scripts/bundlers/next');
const works = JSON.stringify(['step', 'epoch', 'end']);

/** Makes the program in an empty folder. @param install puts saturnn into a folder's node_modules */
export function makeNextApp(app, install) {
  mkdirSync(app, { recursive: true });
  cpSync(source, app, { recursive: true, filter: (path) => !path.includes('node_modules') });
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: app, stdio: 'pipe' });
  install(app);
}

async function freePort() {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a standalone server. @returns (resolves to) its answer, or what it printed if it ended before */
async function answerOf(folder) {
  const port = await freePort();
  const { SATURNN_BINARY: _, ...env } = process.env;
  const options = { cwd: folder, env: { ...env, PORT: String(port), HOSTNAME: '127.0.0.1' } };
  const server = spawn(node, ['server.js'], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (printed += text));
  const ended = once(server, 'exit');
  try {
    while (!/Ready|Local:/.test(printed) && server.exitCode === null)
      await Promise.race([ended, once(server.stdout, 'data')]);
    if (server.exitCode !== null) return printed;
    const response = await fetch(`http://127.0.0.1:${port}/api/train`);
    return response.ok ? await response.text() : `${response.status} ${printed}`;
  } finally {
    server.kill();
    await ended;
  }
}

/** Builds with "webpack" or "turbopack". @returns (resolves to) null if it works, else what was printed */
export async function tryNext(app, bundler) {
  rmSync(join(app, '.next'), { recursive: true, force: true });
  const next = join(app, 'node_modules/next/dist/bin/next');
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };
  execFileSync(node, [next, 'build', `--${bundler}`], { cwd: app, env, stdio: 'pipe' });
  // Elsewhere: a library that was not copied must not be found in the program's folder.
  const moved = `${app}-${bundler}`;
  cpSync(join(app, '.next/standalone'), moved, { recursive: true, verbatimSymlinks: true });
  const answer = await answerOf(moved);
  return answer === works ? null : answer;
}
