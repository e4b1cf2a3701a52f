/** Runs a command line of `saturnn`. */
import { availableParallelism } from 'node:os';
import { CommanderError } from 'commander';
import { SaturnnError, visible } from '../errors';
import { program } from './program';
import { errorLine } from './terminal/errorLine';
import { endAtSignals } from './terminal/interruption';
import { LostOutput } from './terminal/lostOutput';

/**
 * Lets as many pictures be decoded at the same time as there are processors, with two threads more that read files. Node.js takes the number
 * when it first uses such a thread; its default is 4.
 */
function allowThreads(): void {
  process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism() + 2));
}

/**
 * Runs a command line. An error becomes one line on stderr and the process's exit code; SATURNN_DEBUG=1 adds the stack.
 * @param args the words after `saturnn`
 */
export async function runCommand(args: readonly string[]): Promise<void> {
  allowThreads();
  const output = new LostOutput();
  process.on('exit', refuseSuccess);
  const leaveSignals = endAtSignals();
  try {
    await program().parseAsync(args, { from: 'user' });
    await output.check();
  } catch (error) {
    process.exitCode ||= error instanceof CommanderError ? error.exitCode : 1;
    if (error instanceof CommanderError) return;
    process.stderr.write(errorLine(error));
    if (process.env.SATURNN_DEBUG && error instanceof Error) process.stderr.write(visible(`${error.stack}\n`));
  } finally {
    leaveSignals();
    process.off('exit', refuseSuccess);
  }
}

/** Node ends a process that waits for nothing with exit code 0, even if a promise of the command is still open. */
function refuseSuccess(code: number): void {
  if (code !== 0) return;
  process.exitCode = 1;
  process.stderr.write(errorLine(new SaturnnError('ERR_INTERNAL', 'The command ended before its work was complete')));
}
