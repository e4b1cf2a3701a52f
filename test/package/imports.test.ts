/** The rules of .dependency-cruiser.cjs: lib holds to them, and each is seen to fail where a copy of lib breaks it. */
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { temporaryFolder } from '../temporary';

const root = packageRoot();
const load = (script: string) => import(join(root, 'scripts', script));

/** The tools, or a skipped test where they are not installed; CI requires them. */
async function tools(skip: (why: string) => void) {
  const { areInstalled } = await load('docs/tools.mjs');
  if (!areInstalled() && process.env.SATURNN_INSTALL !== 'required')
    skip('NOT RUN: npm run check:imports installs what it needs');
  return load('imports.mjs');
}

test('lib holds to the rules', async ({ skip }) => {
  const { cruise } = await tools(skip);
  const { ok, text } = await cruise(root, 'err');
  expect(text).toContain('no dependency violations found');
  expect(ok).toBe(true);
});

test('each rule finds what breaks it', async ({ skip }) => {
  const { cruise } = await tools(skip);
  const copy = temporaryFolder();
  cpSync(join(root, 'lib'), join(copy, 'lib'), { recursive: true });
  const add = (file: string, text: string) => appendFileSync(join(copy, 'lib', file), `\n${text}\n`);
  // Types alone: nothing of them is left at run time.
  add('tensor/tensor.ts', "import type { State } from './state';\nexport type Circle = State;");
  add('data/source.ts', "import type { Trainer } from '../train/trainer';\nexport type Upwards = Trainer;");
  add('report/number.ts', "export type Hidden = import('../train/runFolder').Settings;");
  add('runtime/platform.ts', "export const late = () => require('../errors');");
  add('optim/adam.ts', "import '../../test/random';");
  add('ops/orphan.ts', 'export const orphan = 1;');
  mkdirSync(join(copy, 'lib/elsewhere'));
  add('elsewhere/file.ts', "import { version } from '../version';\nexport const copy = version;");
  mkdirSync(join(copy, 'test'));
  writeFileSync(join(copy, 'test/random.ts'), 'export const random = 1;\n');

  const { ok, text } = await cruise(copy, 'err');
  expect(ok).toBe(false);
  // A circle takes several lines.
  const violations: string[] = text.split(/^\s*error /m);
  const expectViolation = (rule: string, ...files: string[]) => {
    const own = violations.filter((violation) => violation.startsWith(`${rule}: `));
    expect(
      own.some((violation) => files.every((file) => violation.includes(file))),
      `${rule}\n${text}`,
    ).toBe(true);
  };
  expectViolation('no circles', 'lib/tensor/tensor.ts', 'lib/tensor/state.ts');
  expectViolation('layer data', 'lib/data/source.ts', 'lib/train/trainer.ts');
  expectViolation('layer report', 'lib/report/number.ts', 'lib/train/runFolder.ts');
  expectViolation('no late imports', 'lib/runtime/platform.ts', 'lib/errors.ts');
  expectViolation('lib alone', 'lib/optim/adam.ts', 'test/random.ts');
  expectViolation('no orphans', 'lib/ops/orphan.ts');
  expectViolation('in a layer', 'lib/elsewhere/file.ts');
  expectViolation('reachable', 'lib/elsewhere/file.ts');
});
