import { SaturnnError } from '../../errors';

/** What a shell expects of a program that a signal has ended: 128 and its number. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** A first Ctrl-C (or SIGTERM) aborts `signal`, so that what was learned can be kept; a second one ends the process at once. */
export class Interruption {
  readonly #abort = new AbortController();

  constructor() {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  readonly #onSignal = (name: keyof typeof exitCodes): void => {
    if (this.signal.aborted) process.exit(exitCodes[name]);
    process.exitCode = exitCodes[name];
    this.#abort.abort(new SaturnnError('ERR_INTERRUPTED', 'Interrupted'));
  };

  dispose(): void {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, this.#onSignal);
  }
}
