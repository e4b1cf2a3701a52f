/** Ends work at Ctrl-C and other requests, so that what is done can be saved. */
import { SaturnnError } from '../../errors';
import { errorLine } from './errorLine';
import { clearStatusLine } from './statusLine';

/**
 * Exit codes after a signal, as shells expect them: 128 plus the signal's number. SIGHUP: the terminal or the connection was closed.
 */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof exitCodes;
const signals = Object.keys(exitCodes) as Signal[];

/**
 * Milliseconds in which further signals mean the same request. One Ctrl-C can arrive twice, from the terminal and from npm; a closed
 * terminal sends SIGHUP from the kernel and from the shell.
 */
const sameRequest = 500;
/** Milliseconds between two looks at the parent process. */
const lookInterval = 1000;

/**
 * Ends the process at Ctrl-C, SIGTERM or SIGHUP with a message and the signal's exit code, unless an Interruption is there to save what is
 * done. A handler runs between two pieces of JavaScript, so that no file stays half written, and the locks of folders are released.
 * @returns a function that leaves the signals to Node.js
 */
export function endAtSignals(): () => void {
  const onSignal = (name: Signal): void => {
    if (process.listenerCount(name) > 1) return;
    clearStatusLine();
    process.stderr.write(errorLine(new SaturnnError('ERR_INTERRUPTED', 'Interrupted')));
    process.exit(exitCodes[name]);
  };
  for (const name of signals) process.on(name, onSignal);
  return () => {
    for (const name of signals) process.off(name, onSignal);
  };
}

/** The parts of a process that an Interruption reads and listens to; tests replace them. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly parent: () => number;
  readonly now: () => number;
  readonly exit: (code: number) => void;
  /** Sets the exit code of a process that ends by itself. */
  readonly endWith: (code: number) => void;
}

const own: Surroundings = {
  env: process.env,
  parent: () => process.ppid,
  now: () => performance.now(),
  exit: (code) => process.exit(code),
  endWith: (code) => {
    process.exitCode = code;
  },
};

/**
 * Aborts `signal` at the first Ctrl-C, SIGTERM or SIGHUP, so that results can be saved, and ends the process at a second Ctrl-C or
 * SIGTERM. It also aborts when npx, which had started the process, is gone: npx does not pass on the SIGTERM that ends it.
 */
export class Interruption {
  readonly #abort = new AbortController();
  readonly #surroundings: Surroundings;
  readonly #parent: number;
  readonly #timer: NodeJS.Timeout | null;
  #first = 0;

  constructor(surroundings: Surroundings = own) {
    this.#surroundings = surroundings;
    this.#parent = surroundings.parent();
    for (const name of signals) process.on(name, this.#onSignal);
    this.#timer = endsWithParent(surroundings.env) ? setInterval(this.#look, lookInterval).unref() : null;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  readonly #onSignal = (name: Signal): void => {
    const { now, exit } = this.#surroundings;
    if (!this.signal.aborted) {
      this.#first = now();
      this.#interrupt(name, 'Interrupted');
    } else if (name !== 'SIGHUP' && now() - this.#first >= sameRequest) exit(exitCodes[name]);
  };

  readonly #look = (): void => {
    if (this.#surroundings.parent() === this.#parent || this.signal.aborted) return;
    this.#interrupt('SIGTERM', 'Interrupted, because npx has ended');
  };

  #interrupt(name: Signal, message: string): void {
    this.#surroundings.endWith(exitCodes[name]);
    this.#abort.abort(new SaturnnError('ERR_INTERRUPTED', message));
  }

  /** Leaves later signals to Node. */
  dispose(): void {
    if (this.#timer) clearInterval(this.#timer);
    for (const name of signals) process.off(name, this.#onSignal);
  }
}

/** Whether the process is to end when its parent does: npx waits for it, and has not put it into the background. */
const endsWithParent = (env: NodeJS.ProcessEnv): boolean =>
  env.npm_command === 'exec' && env.npm_lifecycle_event === 'npx' && env.SATURNN_ORPHAN !== 'continue';
