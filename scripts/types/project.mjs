// A project of a user of the package, to compile against its declarations.
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../stage.mjs';

/** The options of users with an older TypeScript: no declarations of their own for `using`, and every declaration checked. */
const compilerOptions = {
  ...{ target: 'ES2022', lib: ['ES2022'], types: ['node'], noEmit: true, skipLibCheck: false },
  ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true },
};

/** Arguments of tsc, by the way in which modules are resolved. node10 and bundler take the file that suits them. */
export const typeWays = {
  node16: ['-p', 'both.json', '--module', 'node16', '--moduleResolution', 'node16'],
  nodenext: ['-p', 'both.json', '--module', 'nodenext', '--moduleResolution', 'nodenext'],
  bundler: ['-p', 'plain.json', '--module', 'esnext', '--moduleResolution', 'bundler'],
  node10: ['-p', 'plain.json', '--module', 'commonjs', '--moduleResolution', 'node10'],
};

/** Makes the project in `folder`, with the declarations of out/packages/saturnn. */
export function typeProject(folder) {
  const installed = join(folder, 'node_modules');
  mkdirSync(join(installed, '@types'), { recursive: true });
  // A copy: TypeScript looks for the types of Node.js from where the file really is.
  cpSync(join(root, 'out/packages/saturnn'), join(installed, 'saturnn'), { recursive: true });
  symlinkSync(join(root, 'node_modules/@types/node'), join(installed, '@types/node'));
  for (const file of ['user.cts', 'user.mts', 'plain.ts', 'pictures.ts', 'weights.ts'])
    cpSync(join(root, 'test/types', file), join(folder, file));
  const write = (file, include) => writeFileSync(join(folder, file), JSON.stringify({ compilerOptions, include }));
  write('both.json', ['user.cts', 'user.mts', 'pictures.ts', 'weights.ts']);
  write('plain.json', ['plain.ts', 'pictures.ts', 'weights.ts']);
}
