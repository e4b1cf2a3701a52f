// Compiles a TypeScript project of this repository into an empty folder, so that no file of a deleted source stays behind.
// `npm run build:ts` compiles the package, lib/ to dist/.
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeNativeTables } from './native-tables.mjs';
import { foreground, node, root, run, startIfMain } from './stage.mjs';

const projects = {
  'tsconfig.build.json': { output: 'dist', command: 'dist/cli/main.js' },
  'tsconfig.bundle.json': { output: 'dist-bundle', command: 'dist-bundle/lib/cli/main.js' },
};

/** Compiles a project. @param project 'tsconfig.build.json' (the package) or 'tsconfig.bundle.json' (package and benchmarks) */
export async function compileTypescript(project) {
  const { output, command } = projects[project];
  writeNativeTables();
  rmSync(join(root, output), { recursive: true, force: true });
  await run('typescript', node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project]);
  // `npx saturnn` in this repository runs the file directly; npm sets the bit only for packages that it installs.
  chmodSync(join(root, command), 0o755);
}

/** Compiled form of a script of bench/, given by its path there without the extension, e.g. 'cudnnPlans/main'. */
export const compiledBench = (name) => join(root, projects['tsconfig.bundle.json'].output, 'bench', `${name}.js`);

/** Compiles the scripts of bench/ and runs one of them. @returns (resolves to) its exit status */
export async function runBench(name, args = []) {
  await compileTypescript('tsconfig.bundle.json');
  return foreground(node, [compiledBench(name), ...args]);
}

/** The compiled command `saturnn`. */
export const compiledCommand = join(root, projects['tsconfig.build.json'].command);

await startIfMain(import.meta.url, () => compileTypescript('tsconfig.build.json'));
