// Git commands of the release scripts.
import { execFileSync } from 'node:child_process';
import { root, StageError } from '../stage.mjs';

/** Runs git in the repository. @returns its output without surrounding space */
export const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

/** @throws StageError if the working tree has uncommitted changes */
export function checkCommitted() {
  if (git('status', '--porcelain') !== '') throw new StageError('The working tree has uncommitted changes.');
}
