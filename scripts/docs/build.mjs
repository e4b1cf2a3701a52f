// `npm run docs`: the reference of the public names, in docs/api, from the doc comments of lib/. A link that leads nowhere, or
// a class, function or value that says nothing, is an error. TypeDoc and the TypeScript that it reads with are installed beside this file.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeNativeTables } from '../native-tables.mjs';
import { node, root, run, stage, startIfMain } from '../stage.mjs';

const here = join(root, 'scripts', 'docs');
const output = join(root, 'docs', 'api');

async function install() {
  if (existsSync(join(here, 'node_modules', '.package-lock.json'))) return 'already there';
  await run('typedoc', 'npm', ['ci', '--prefix', here, '--no-audit', '--no-fund'], {
    remedy: 'check the connection to the npm registry (npm ping), then start again',
  });
  return 'installed';
}

await startIfMain(import.meta.url, async () => {
  await stage('typedoc', install);
  await stage('documentation', async () => {
    writeNativeTables();
    const typedoc = join(here, 'node_modules', 'typedoc', 'bin', 'typedoc');
    await run('documentation', node, [typedoc, '--options', join(here, 'typedoc.json')]);
    return `${readdirSync(output, { recursive: true }).filter((name) => name.endsWith('.html')).length} pages`;
  });
  console.log(join(output, 'index.html'));
});
