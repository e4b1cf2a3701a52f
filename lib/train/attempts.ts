import { SaturnnError } from '../errors';

/** Codes of failures that keep one file from being written, and say nothing of the others. */
const ofOneFile: readonly string[] = ['ERR_OUTPUT', 'ERR_CHECKPOINT'];

/** Several attempts to write, of which one that fails does not prevent the others: a full disk may have room for the weights. */
export class Attempts {
  readonly #failures: SaturnnError[] = [];

  /** Waits for a task. If a file cannot be written, check() throws that later. @returns the task's result; undefined if it failed */
  async make<T>(task: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof SaturnnError && ofOneFile.includes(error.code))) throw error;
      this.#failures.push(error);
      return undefined;
    }
  }

  /** @throws the first failure, with the messages of all */
  check(): void {
    const [first] = this.#failures;
    if (!first) return;
    const messages = new Set(this.#failures.map(({ message }) => message));
    throw new SaturnnError(first.code, [...messages].join('; '), { cause: first });
  }
}
