// Writes lib/ops/nativeActivations.ts, the kinds of native/activations.def, so that TypeScript's table of activations does
// not compile without a row for each. Git ignores the file: `npm ci` (prepare), the type check, the compiler and vitest
// write it. Node built-ins only: it runs before anything is installed or built.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, StageError, startIfMain } from './stage.mjs';

const source = join(root, 'native', 'activations.def');
const target = join(root, 'lib', 'ops', 'nativeActivations.ts');

/** The kinds of the rows, in the order of their ids, and what each saves. @throws StageError if there is none */
export function activationRows(definitions) {
  const code = definitions.replace(/\/\/.*$/gm, '');
  const rows = [...code.matchAll(/\bSN_ACTIVATION\(\s*(\w+)\s*,\s*([xy])\s*,/g)].map(([, kind, saved]) => ({
    kind,
    saved,
  }));
  if (rows.length === 0) throw new StageError(`There is no row SN_ACTIVATION(kind, saved, ...) in ${source}.`);
  return rows;
}

/** A file that is right stays as it is, so that nothing which watches it starts again. */
export function writeNativeTables() {
  const rows = activationRows(readFileSync(source, 'utf8'));
  const list = (kinds) => `[\n${kinds.map(({ kind }) => `  '${kind}',\n`).join('')}] as const;\n`;
  const text = [
    '// Made by scripts/native-tables.mjs from native/activations.def: the kinds in the order of their ids.\n',
    `export const nativeActivations = ${list(rows)}`,
    'export type NativeActivation = (typeof nativeActivations)[number];\n',
    '/** The kinds whose derivative is computed from their input x, because their output does not tell it. */\n',
    `export const savesInput = ${list(rows.filter(({ saved }) => saved === 'x'))}`,
  ].join('');
  if (existsSync(target) && readFileSync(target, 'utf8') === text) return;
  writeFileSync(target, text);
}

await startIfMain(import.meta.url, writeNativeTables);
