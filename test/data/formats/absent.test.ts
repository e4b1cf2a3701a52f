/** Programs that use the package as it is built, with and without the packages that read Parquet. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../temporary';
import { drawShape, put } from '../pictures/draw';
import { parquetBytes } from './writeParquet';

const program = `
  const [, dist, file, cacheDir, absent, code] = process.argv;
  const hooks = \`export async function resolve(name, context, next) {
    if (name === '\${absent}') throw Object.assign(new Error('Cannot find it'), { code: '\${code}' });
    return next(name, context);
  }\`;
  if (absent) require('node:module').register('data:text/javascript,' + encodeURIComponent(hooks));
  const { parquet } = require(dist);
  parquet(file, { cacheDir, testShare: 0 }).then(
    ({ train }) => console.log(train.count),
    ({ code, message }) => console.log(code, message),
  );
`;
const dist = join(__dirname, '..', '..', '..', 'dist');
const run = (...args: string[]) => execFileSync(process.execPath, ['-e', program, dist, ...args], { encoding: 'utf8' });

test('parquet() of the built package, with its packages, and without one of them: ERR_PACKAGE with the command that installs them', async () => {
  const folder = temporaryFolder();
  const images = [await drawShape('circle', 0), await drawShape('cross', 1)];
  put(folder, 'a.parquet', await parquetBytes({ images, labels: { label: { values: [0, 1] } } }));
  const [file, cache] = [join(folder, 'a.parquet'), join(folder, 'cache')];
  expect(run(file, cache)).toBe('2\n');
  for (const name of ['hyparquet', 'hyparquet-compressors'])
    expect(run(file, cache, name, 'ERR_MODULE_NOT_FOUND')).toBe(
      'ERR_PACKAGE Parquet files are read by the packages hyparquet and hyparquet-compressors, which are not installed. ' +
        'Remedy: `npm install hyparquet hyparquet-compressors` where the program runs.\n',
    );
  expect(run(file, cache, 'hyparquet', 'ERR_OTHER')).toMatch(/^ERR_PACKAGE .*, which do not load \(Cannot find it\)\./);
});
