import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** When stdout or stderr matches this, `signal` is sent. */
  interrupt?: RegExp;
  /** Default: SIGINT, as by Ctrl-C. */
  signal?: NodeJS.Signals;
  /** Called before the signal is sent. */
  before?: () => Promise<void>;
}

/** Runs the compiled command, as a user does. */
export async function saturnn(
  args: readonly string[],
  { env = {}, interrupt, signal = 'SIGINT', before = async () => {} }: RunOptions = {},
): Promise<Outcome> {
  const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  let interrupted = false;
  const look = () => {
    if (interrupted || !(interrupt?.test(stdout) || interrupt?.test(stderr))) return;
    interrupted = true;
    void before().then(() => child.kill(signal));
  };
  child.stdout.on('data', (data) => {
    stdout += data;
    look();
  });
  child.stderr.on('data', (data) => {
    stderr += data;
    look();
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

/** Runs command lines one after the other in one process, which ends with the last. */
export async function saturnnLines(lines: readonly (readonly string[])[]): Promise<Outcome[]> {
  const child = spawn(process.execPath, [join(__dirname, 'fixtures', 'lines.cjs')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (data) => {
    printed += data;
  });
  child.stdin.end(JSON.stringify(lines));
  await once(child, 'close');
  return JSON.parse(printed) as Outcome[];
}
