// Compiles one of our TypeScript projects from scratch, so that no file of an earlier state stays behind.
// `npm run build:ts`: the package, lib/ -> dist/.
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeNativeTables } from './native-tables.mjs';
import { node, root, run, startIfMain } from './stage.mjs';

const projects = {
  'tsconfig.build.json': { output: 'dist', command: 'dist/cli/main.js' },
  'tsconfig.bundle.json': { output: 'dist-bundle', command: 'dist-bundle/lib/cli/main.js' },
};

export async function compileTypescript(project) {
  const { output, command } = projects[project];
  writeNativeTables();
  rmSync(join(root, output), { recursive: true, force: true });
  await run('typescript', node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project]);
  // npx runs the file itself; npm sets this bit only when it installs a package.
  chmodSync(join(root, command), 0o755);
}

await startIfMain(import.meta.url, () => compileTypescript('tsconfig.build.json'));
