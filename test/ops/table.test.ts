/** Checks that the op tables of TypeScript and of every backend agree in names and in the sizes of attribute structs. */
import { describe, expect, test } from 'vitest';
import { ops } from '../../lib/ops';
import { activations } from '../../lib/ops/activations';
import { type BackendName, probeBackend } from '../../lib/runtime/device';
import { type Backend, backends } from '../backends';

/** Bytes of each op's attribute struct: four per attribute, or 0 for an op that encodes its attributes itself. */
const expectedBytes = Object.fromEntries(ops.map(({ name, attributes }) => [name, attributes.length * 4]));

test('op names and activation ids are unique', () => {
  expect(new Set(ops.map(({ name }) => name)).size).toBe(ops.length);
  expect(Object.values(activations).map(({ id }) => id)).toEqual(Object.keys(activations).map((_, index) => index));
});

test('the CPU backend opens: without it nothing was tested', () => {
  expect(backends().find(({ name }) => name === 'cpu')).toMatchObject({ reason: '' });
});

/** Returns a backend's op table from its device or, if no device can be opened, from its library; else the reason as text. */
function tableOf({ name, device }: Backend): Readonly<Record<string, number>> | string {
  if (device) return device.ops;
  try {
    return probeBackend(name as BackendName).ops as Record<string, number>;
  } catch (error) {
    return (error as Error).message;
  }
}

for (const backend of backends()) {
  const { name } = backend;
  const table = tableOf(backend);
  if (typeof table === 'string') {
    test.skip(`${name}: NOT RUN: ${table}`, () => {});
    continue;
  }
  describe(name, () => {
    test('knows no op that TypeScript does not', () => {
      expect(Object.keys(table).filter((op) => !(op in expectedBytes))).toEqual([]);
    });

    test('has attribute structs of the same size', () => {
      const known = Object.keys(table).sort();
      expect(known.length).toBeGreaterThan(0);
      expect(table).toEqual(Object.fromEntries(known.map((op) => [op, expectedBytes[op]])));
    });

    test.runIf(name === 'cpu')('has a kernel for every op', () => {
      expect(Object.keys(table).sort()).toEqual(Object.keys(expectedBytes).sort());
    });
  });
}
