// Compiles one of our TypeScript projects from scratch enough that no file of an earlier state stays behind.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { node, root, run } from './stage.mjs';

const outputs = { 'tsconfig.build.json': 'dist', 'tsconfig.bundle.json': 'dist-bundle' };

export async function compileTypescript(project) {
  rmSync(join(root, outputs[project]), { recursive: true, force: true });
  await run('typescript', node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project]);
}
