/** Lets the command go on when stdout or stderr can no longer be written: its work is worth more than what it prints. */
import { setImmediate } from 'node:timers/promises';
import { SaturnnError } from '../../errors';

type Output = Pick<NodeJS.WriteStream, 'on' | 'isTTY'>;

/** Errors of a stream, which are ignored while the command works. */
export class LostOutput {
  /** The first error; the others follow from it. */
  #first: { readonly error: NodeJS.ErrnoException; readonly isReaderGone: boolean } | null = null;

  /**
   * Begins to take the errors of both streams. Without that, the first one would end the process.
   * @param stdout stream of results
   * @param stderr stream of messages, whose loss nobody can be told
   */
  constructor(stdout: Output = process.stdout, stderr: Output = process.stderr) {
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#first ??= { error, isReaderGone: isReaderGone(error, stdout) };
    });
    stderr.on('error', () => {});
  }

  /**
   * Checks that stdout has taken everything, or that its reader has left (saturnn inspect ... | head), which is no failure.
   * @throws ERR_OUTPUT if it could not be written for another reason, such as a full disk
   */
  async check(): Promise<void> {
    // Errors of the last write are reported after it.
    await setImmediate();
    if (!this.#first || this.#first.isReaderGone) return;
    const { error } = this.#first;
    const message = `Cannot write to stdout: ${error.message}. Everything else was done`;
    throw new SaturnnError('ERR_OUTPUT', message, { cause: error });
  }
}

/** Whether the other end of a pipe or a terminal was closed. A terminal says that with EIO, which means a broken disk elsewhere. */
const isReaderGone = ({ code }: NodeJS.ErrnoException, { isTTY }: Output): boolean =>
  code === 'EPIPE' || code === 'ECONNRESET' || (code === 'EIO' && isTTY === true);
