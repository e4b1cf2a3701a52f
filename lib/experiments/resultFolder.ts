import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { prepareFolder, removeTemporaries } from '../files/durable';
import { lockFolder } from '../files/lock';

/** A folder of results, locked for this process until dispose(). Runs below it have folders, and locks, of their own. */
export class ResultFolder {
  /** Absolute path. */
  readonly path: string;
  readonly #unlock: () => void;

  /**
   * Makes the folder, locks it, and removes the temporary files of a process that was killed.
   * @throws ERR_OUTPUT if files cannot be written into it; ERR_BUSY if another process uses it
   */
  constructor(folder: string) {
    this.path = prepareFolder(folder);
    this.#unlock = lockFolder(this.path);
    for (const place of [this.path, join(this.path, 'figures')]) if (existsSync(place)) removeTemporaries(place);
  }

  /** Unlocks the folder. */
  dispose(): void {
    this.#unlock();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
