/** Ends work at Ctrl-C, so that what is done can be saved. */
import { SaturnnError } from '../../errors';

/** Exit codes after a signal, as shells expect them: 128 plus the signal's number. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Aborts `signal` at the first Ctrl-C or SIGTERM, so that results can be saved, and ends the process at the second. */
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

  /** Leaves later signals to Node. */
  dispose(): void {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, this.#onSignal);
  }
}
