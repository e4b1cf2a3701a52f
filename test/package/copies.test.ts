/** Two copies of saturnn in one process, as two dependencies with other versions bring them. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { version } from '../../lib/version';
import { temporaryFolder } from '../temporary';

const app = temporaryFolder();
const one = join(packageRoot(), 'dist');
const other = join(app, 'node_modules/saturnn/dist');
mkdirSync(join(app, 'node_modules/saturnn'), { recursive: true });
cpSync(one, other, { recursive: true });
cpSync(join(packageRoot(), 'node_modules/valibot'), join(app, 'node_modules/valibot'), { recursive: true });
writeFileSync(
  join(other, 'version.js'),
  readFileSync(join(one, 'version.js'), 'utf8').replace(`'${version}'`, "'0.0.7'"),
);

test.each([
  ['Graph.from({ outputs: { y: b.constant([1]) } })', 'a Tensor for output "y" but received Tensor'],
  ['gradient(b.constant([1]), [])', 'a Tensor for loss but received Tensor'],
  ['compile(b.Graph.from({ outputs: { y: b.constant([1]) } }))', 'a Graph for graph but received Graph'],
  [
    "new State([new b.Parameter({ name: 'p', shape: [1], decay: true, initialize: () => Float32Array.of(0) })])",
    'Parameter',
  ],
])('%s: the error says that there are two, and where they are', (call, text) => {
  const script = `
    const { Graph, State, compile, gradient } = require(${JSON.stringify(join(one, 'index.js'))});
    const b = require(${JSON.stringify(join(other, 'index.js'))});
    (async () => { await ${call} })().catch(({ code, message }) => console.log(code, message));`;
  const said = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  expect(said).toMatch(/^ERR_INVALID_ARGUMENT /);
  expect(said).toContain(text);
  expect(said).toContain(` of another copy of saturnn (0.0.7 in ${other}; this one is ${version} in ${one})`);
  expect(said).toContain('npm ls saturnn');
});
