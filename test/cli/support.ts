import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the compiled command as a user does. `interrupt`: what on stdout is answered with Ctrl-C. */
export async function saturnn(
  args: readonly string[],
  { env = {}, interrupt }: { env?: NodeJS.ProcessEnv; interrupt?: RegExp } = {},
): Promise<Outcome> {
  const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  let interrupted = false;
  child.stdout.on('data', (data) => {
    stdout += data;
    if (!interrupted && interrupt?.test(stdout)) {
      interrupted = true;
      child.kill('SIGINT');
    }
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}
