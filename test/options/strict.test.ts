/** Every public function with options refuses what it does not know: a new export without a row, or without strictness, fails here. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import * as saturnn from '../../lib';
import * as experiments from '../../lib/experiments';
import { temporaryFolder } from '../temporary';

interface Row {
  readonly args: () => unknown[];
  readonly options: number | null;
  readonly make?: boolean;
}
interface Calls {
  readonly calls: Readonly<Record<string, Row>>;
  readonly objects: Readonly<Record<string, { make: () => unknown; calls?: Readonly<Record<string, Row>> }>>;
  readonly find: (name: string) => { owner: object; called: (...args: unknown[]) => unknown };
  readonly exported: () => string[];
}
const { calls, objects, find, exported } = require('../fuzz/api/calls.cjs').callsOf(
  saturnn,
  experiments,
  temporaryFolder(),
) as Calls;

test('every export has a row in test/fuzz/api/library.cjs or experiments.cjs', () => {
  expect(exported().filter((name) => !calls[name])).toEqual([]);
});

const functions = Object.entries(calls).map(([name, row]) => {
  const { owner, called } = find(name);
  const call = (args: unknown[]) => (row.make ? Reflect.construct(called, args) : Reflect.apply(called, owner, args));
  return { name, row, call: async (args: unknown[]) => call(args) };
});
const methods = Object.entries(objects).flatMap(([name, { make, calls: rows = {} }]) =>
  Object.entries(rows).map(([method, row]) => ({
    name: `${name}.${method}()`,
    row,
    call: async (args: unknown[]) => {
      const object = (await make()) as Record<string, (...args: unknown[]) => unknown> & { dispose?: () => void };
      try {
        return await Reflect.apply(object[method]!, object, args);
      } finally {
        if (['Plan', 'Trainer', 'Predictor'].includes(name)) object.dispose?.();
      }
    },
  })),
);

const withOptions = [...functions, ...methods].filter(({ row }) => row.options !== null);

describe.each(withOptions)('$name', ({ row, call }) => {
  const given = (change: (options: object) => unknown) => {
    const args = row.args();
    const at = row.options as number;
    while (args.length <= at) args.push({});
    args[at] = change(args[at] as object);
    return args;
  };
  const refuses = (args: unknown[], message: RegExp) =>
    expect(call(args)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });

  it('refuses an unknown option, by name', () =>
    refuses(
      given((own) => ({ ...own, notKnown: 1 })),
      /"notKnown"/,
    ));
  it('refuses a number', () =>
    refuses(
      given(() => 3),
      /but received 3/,
    ));
  it('refuses text', () =>
    refuses(
      given(() => 'cosine'),
      /but received "cosine"/,
    ));
  it('refuses an array', () =>
    refuses(
      given(() => [1]),
      /but received \[1\]/,
    ));
  it('refuses null', () =>
    refuses(
      given(() => null),
      /but received null/,
    ));
});

test('every exported type of options has a schema', () => {
  const folder = join(__dirname, '../../lib');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
  const all = texts.join('\n');
  const indexes = ['index.ts', 'experiments/index.ts', 'layers/index.ts']
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  const names = new Set(indexes.match(/\b\w+(Options|GraphRoots|Inputs)(?= as|,| \}|\n)/g));
  // Inputs whose keys the caller chooses, and the options of classes that users do not make.
  const other = [
    'RunInputs',
    'BatchNormLayerOptions',
    'Conv2dLayerOptions',
    'DropoutLayerOptions',
    'LinearLayerOptions',
  ];
  const missing = [...names].filter(
    (name) => !other.includes(name) && !new RegExp(`(Options|Fields|opOptions)<${name}>`).test(all),
  );
  expect(missing).toEqual([]);
});
