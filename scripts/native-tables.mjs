// Writes lib/ops/nativeActivations.ts, the kinds of native/activations.def, so that TypeScript's table of activations does
// not compile without a row for each. Git ignores the file: `npm ci` (prepare), the type check, the compiler and vitest
// write it. Node built-ins only: it runs before anything is installed or built.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, StageError, startIfMain } from './stage.mjs';

const source = join(root, 'native', 'activations.def');
const target = join(root, 'lib', 'ops', 'nativeActivations.ts');

/** The kinds of the rows, in the order of their ids. @throws StageError if there is none */
export function activationKinds(definitions) {
  const code = definitions.replace(/\/\/.*$/gm, '');
  const kinds = [...code.matchAll(/\bSN_ACTIVATION\(\s*(\w+)\s*,/g)].map(([, kind]) => kind);
  if (kinds.length === 0) throw new StageError(`There is no row SN_ACTIVATION(kind, ...) in ${source}.`);
  return kinds;
}

/** A file that is right stays as it is, so that nothing which watches it starts again. */
export function writeNativeTables() {
  const list = activationKinds(readFileSync(source, 'utf8')).map((kind) => `  '${kind}',\n`);
  const text = `// Made by scripts/native-tables.mjs from native/activations.def: the kinds in the order of their ids.\nexport const nativeActivations = [\n${list.join('')}] as const;\nexport type NativeActivation = (typeof nativeActivations)[number];\n`;
  if (existsSync(target) && readFileSync(target, 'utf8') === text) return;
  writeFileSync(target, text);
}

await startIfMain(import.meta.url, writeNativeTables);
