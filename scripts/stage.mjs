// Runs the steps of a setup: one line with its duration when a step ends, more only if it takes long. A failure ends
// with the command, the end of its output and what to do about it. Node built-ins only: it runs before `npm ci`.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const node = process.execPath;

/** A failure that was foreseen: its message is all that a person needs to see. */
export class StageError extends Error {}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Runs `work` and prints its name, the note it returns and its duration. */
export async function stage(name, work) {
  const began = performance.now();
  const note = await work();
  console.log(`[setup] ${name.padEnd(18)} ${(note ?? 'done').padEnd(40)} ${seconds(began).padStart(8)}`);
}

/**
 * Runs a command with its output in out/log/. One that takes longer than a second is shown, and then where it is.
 * `remedy` is what a person can do when it fails.
 */
export function run(name, command, args, { remedy, env = {} } = {}) {
  const shown = [command === node ? 'node' : command, ...args].join(' ').replaceAll(`${root}/`, '');
  const path = join(root, 'out', 'log', `${name.replaceAll(' ', '-')}.log`);
  mkdirSync(dirname(path), { recursive: true });
  const log = createWriteStream(path);
  const began = performance.now();
  const say = (text) => console.log(`[setup] ${name.padEnd(18)} ${text}`);
  let last = '';

  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const first = setTimeout(say, 1000, shown);
    const ticker = setInterval(() => say(`... ${seconds(began)}  ${last}`), 10_000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        log.write(chunk);
        last = String(chunk).trimEnd().split('\n').at(-1).slice(0, 80) || last;
      });
    }
    child.on('error', (error) => finish(error.message));
    child.on('close', (code, signal) => finish(code === 0 ? null : `exit ${code ?? signal}`));

    function finish(problem) {
      clearTimeout(first);
      clearInterval(ticker);
      log.end(() => {
        if (problem === null) return resolve();
        const tail = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-40).join('\n');
        reject(
          new StageError(
            `${tail}\n\nFailed (${problem}): ${shown}\nLog: ${path}${remedy ? `\nRemedy: ${remedy}` : ''}`,
          ),
        );
      });
    }
  });
}

/** Runs a command in the foreground; resolves to its exit status. */
export function foreground(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
    // Ctrl-C reaches the child too: it ends in its own time (a training run saves its state), then we do.
    process.on('SIGINT', () => {});
  });
}

/** Calls `main` if `url` is the script that was started; a foreseen failure prints its message alone. */
export async function startIfMain(url, main) {
  if (!process.argv[1] || pathToFileURL(process.argv[1]).href !== url) return;
  try {
    process.exitCode = (await main(process.argv.slice(2))) ?? 0;
  } catch (error) {
    console.error(error instanceof StageError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
