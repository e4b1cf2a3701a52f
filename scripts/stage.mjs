// Runs the steps of a set-up. A step prints one line with its duration when it ends, and more lines only if it takes
// long. A failed step prints the end of its output, its command and a remedy. Imports only Node's own modules, because it
// runs before `npm ci`.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const node = process.execPath;

/** An expected failure: it is reported by its message alone, without a stack trace. */
export class StageError extends Error {}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Runs `work`, then prints `name`, the text that `work` resolved to ("done" if none) and the duration. */
export async function stage(name, work) {
  const began = performance.now();
  const note = await work();
  console.log(`[setup] ${name.padEnd(18)} ${(note ?? 'done').padEnd(40)} ${seconds(began).padStart(8)}`);
}

/**
 * Runs a command with its output in the file out/log/NAME.log. Prints the command after a second, and every ten seconds
 * the last line of its output.
 * @param remedy text for the person who sees the failure, e.g. a command that repairs its cause
 * @param env variables to set in addition to those of this process
 * @throws StageError (rejects) if the command cannot be started or fails
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

/** Runs a command that shares this process's standard streams. @returns (resolves to) its exit status; 130 after Ctrl-C */
export function foreground(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
    // Ctrl-C reaches the child as well. It may need time to end (a training run writes a checkpoint), so wait for it.
    process.on('SIGINT', () => {});
  });
}

/**
 * Calls `main` with the command's arguments if `url` is the script that node was started with, and sets the exit status to the
 * result (default 0). Of a StageError only the message is printed.
 */
export async function startIfMain(url, main) {
  if (!process.argv[1] || pathToFileURL(process.argv[1]).href !== url) return;
  try {
    process.exitCode = (await main(process.argv.slice(2))) ?? 0;
  } catch (error) {
    console.error(error instanceof StageError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
