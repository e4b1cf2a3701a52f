// `npm run docs`: makes the reference of the public names in docs/api from the doc comments of lib/. A link without a
// target is an error, and so is a class, function or value without a comment. TypeDoc and the TypeScript it needs are
// installed in scripts/docs.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeNativeTables } from '../native-tables.mjs';
import { node, root, run, stage, startIfMain } from '../stage.mjs';
import { install, tool } from './tools.mjs';

const here = join(root, 'scripts', 'docs');
const output = join(root, 'docs', 'api');

await startIfMain(import.meta.url, async () => {
  await stage('typedoc', install);
  await stage('documentation', async () => {
    writeNativeTables();
    const typedoc = tool('typedoc', 'bin', 'typedoc');
    await run('documentation', node, [typedoc, '--options', join(here, 'typedoc.json')]);
    return `${readdirSync(output, { recursive: true }).filter((name) => name.endsWith('.html')).length} pages`;
  });
  console.log(join(output, 'index.html'));
});
