/** TypeScript's op table and every backend's agree: names, and the bytes of the attribute structs. */
import { describe, expect, test } from 'vitest';
import { activations } from '../../lib/ops/activation';
import { ops } from '../../lib/ops';
import { backends } from '../backends';

/** Every attribute is four bytes; an op that encodes its own has no fixed struct, and says 0. */
const expectedBytes = Object.fromEntries(ops.map(({ name, attributes }) => [name, attributes.length * 4]));

test('op names and activation ids are unique', () => {
  expect(new Set(ops.map(({ name }) => name)).size).toBe(ops.length);
  expect(activations.map(({ id }) => id)).toEqual(activations.map((_, index) => index));
});

test('the CPU backend opens: without it nothing was tested', () => {
  expect(backends().find(({ name }) => name === 'cpu')).toMatchObject({ reason: '' });
});

for (const { name, device, reason } of backends()) {
  if (!device) {
    test.skip(`${name}: NOT RUN: ${reason}`, () => {});
    continue;
  }
  describe(name, () => {
    test('knows no op that TypeScript does not', () => {
      expect(Object.keys(device.ops).filter((op) => !(op in expectedBytes))).toEqual([]);
    });

    test('has attribute structs of the same size', () => {
      const known = Object.keys(device.ops).sort();
      expect(device.ops).toEqual(Object.fromEntries(known.map((op) => [op, expectedBytes[op]])));
    });

    test.runIf(name === 'cpu')('has a kernel for every op', () => {
      expect(Object.keys(device.ops).sort()).toEqual(Object.keys(expectedBytes).sort());
    });
  });
}
