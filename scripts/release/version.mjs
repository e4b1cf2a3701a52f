// `npm run release:version -- 0.2.0`: writes the new version into every file that has it, dates the changelog's section,
// commits and tags. Nothing is pushed or published; `npm run release:publish` publishes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, StageError, startIfMain } from '../stage.mjs';
import { checkCommitted, git } from './git.mjs';

const parts = (version) => /^(\d+)\.(\d+)\.(\d+)$/.exec(version)?.slice(1).map(Number);

/**
 * Checks that `next` may follow version `current`.
 * @param released whether `current` has been released; if not, `next` may be the same version
 * @throws StageError if `next` is not a version, is below `current`, or equals a `current` that has been released
 */
export function checkNext(current, next, released) {
  const [a, b] = [parts(current), parts(next ?? '')];
  if (!b) throw new StageError(`Expected a version such as ${current} but received ${next ?? 'nothing'}.`);
  const i = [0, 1, 2].find((part) => a[part] !== b[part]);
  if (i === undefined ? released : b[i] < a[i])
    throw new StageError(`Expected a version above ${current} but received ${next}.`);
}

/**
 * Returns the new text of each file that has the version, by name.
 * @param files the present texts, by name
 * @param date of the release, as YYYY-MM-DD
 * @throws StageError if a text does not have the version exactly once
 */
export function withVersion(files, current, next, date) {
  const replaceOnce = (name, pattern, to) => {
    const found = files[name].match(new RegExp(pattern, 'gm')) ?? [];
    if (found.length !== 1)
      throw new StageError(`${name}: expected ${pattern} once but found it ${found.length} times.`);
    return files[name].replace(found[0], () => to);
  };
  const old = current.replaceAll('.', '\\.');
  const lock = JSON.parse(files['package-lock.json']);
  lock.version = next;
  lock.packages[''].version = next;
  return {
    'package.json': replaceOnce('package.json', `^  "version": "${old}"`, `  "version": "${next}"`),
    'package-lock.json': `${JSON.stringify(lock, null, 2)}\n`,
    'lib/version.ts': replaceOnce('lib/version.ts', `version = '${old}'`, `version = '${next}'`),
    'CHANGELOG.md': replaceOnce('CHANGELOG.md', '^## .*\\(unreleased\\)$', `## ${next} (${date})`),
  };
}

await startIfMain(import.meta.url, ([next]) => {
  checkCommitted();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  checkNext(version, next, git('tag', '--list', `v${version}`) !== '');
  const names = ['package.json', 'package-lock.json', 'lib/version.ts', 'CHANGELOG.md'];
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(root, name), 'utf8')]));
  const changed = withVersion(files, version, next, new Date().toISOString().slice(0, 10));
  for (const [name, text] of Object.entries(changed)) writeFileSync(join(root, name), text);
  git('commit', '--quiet', '--message', `saturnn ${next}`, ...names);
  git('tag', `v${next}`);
  console.log(
    `Committed and tagged v${next}. Next: push the commit and the tag, then run npm run release:publish in CI.`,
  );
});
