/** The entry points of the package, loaded by their names as users load them. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';

/** Runs the body of an async function in a process whose working directory is in the package. @returns its result */
function evaluated(body: string) {
  const script = `(async () => { ${body} })().then((value) => console.log(JSON.stringify(value)))`;
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: packageRoot() }));
}

test('saturnn/experiments is required and imported: one implementation, that of saturnn', () => {
  const { names, imported, same, code } = evaluated(`
    const required = require('saturnn/experiments');
    const imported = await import('saturnn/experiments');
    const { SaturnnError } = require('saturnn');
    const code = await required.table1({ preset: 'no' }).catch((error) => error instanceof SaturnnError && error.code);
    const same = Object.keys(required).every((name) => imported[name] === required[name]);
    return { names: Object.keys(required), imported: Object.keys(imported), same, code };
  `);
  expect(names).toEqual(expect.arrayContaining(['table1', 'presets', 'runTrainings', 'paperResults']));
  expect(imported).toEqual(expect.arrayContaining(names));
  expect({ same, code }).toEqual({ same: true, code: 'ERR_INVALID_ARGUMENT' });
});
