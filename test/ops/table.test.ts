/** TypeScript's op table and every backend's (native/ops.def) agree: names, attributes, counts of inputs and outputs. */
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../../lib/addon';
import { type BackendName, probeBackend } from '../../lib/device';
import { optimize } from '../../lib/graph/optimize';
import type { NativeOp } from '../../lib/native';
import { ops } from '../../lib/ops';
import { activations } from '../../lib/ops/activation';
import { nativeActivations } from '../../lib/ops/nativeActivations';
import { type Backend, backends } from '../backends';
import { allCases } from '../cases';
import { TestRandom, testSeed } from '../random';
import { isSource } from '../reference/interpret';

/** The attribute struct of each op; null for an op that encodes its own. */
const expectedFields = Object.fromEntries(
  ops.map(({ name, attributes, encode }) => [name, encode ? null : attributes.map((field) => [...field])]),
);

/** The counts of inputs and of outputs that each op's nodes have in the conformance cases, before and after all passes. */
function countsInCases(): Readonly<Record<string, { inputs: number[]; outputs: number[] }>> {
  const counts = Object.fromEntries(ops.map(({ name }) => [name, { inputs: [] as number[], outputs: [] as number[] }]));
  for (const one of allCases) {
    const { graph } = one.build(new TestRandom(testSeed));
    for (const node of [...graph.nodes, ...optimize(graph).nodes]) {
      if (isSource(node)) continue;
      counts[node.op.name]?.inputs.push(node.inputs.length);
      counts[node.op.name]?.outputs.push(node.outputs.length);
    }
  }
  return counts;
}

test('op names and activation ids are unique', () => {
  expect(new Set(ops.map(({ name }) => name)).size).toBe(ops.length);
  expect(activations.map(({ id }) => id)).toEqual(activations.map((_, index) => index));
});

test('the activations are those of native/activations.def, as it is and as the addon was built with it', () => {
  expect(activations.map(({ kind }) => kind)).toEqual(nativeActivations);
  expect(loadAddon().activationKinds).toEqual(nativeActivations);
});

test('the CPU backend opens: without it nothing was tested', () => {
  expect(backends().find(({ name }) => name === 'cpu')).toMatchObject({ reason: '' });
});

/** A backend's own table: of its device, or, where none opens, of its library. */
function tableOf({ name, device }: Backend): Readonly<Record<string, NativeOp>> | string {
  if (device) return device.ops;
  try {
    return probeBackend(name as BackendName).ops as Record<string, NativeOp>;
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
    test('has a kernel for every op, and knows none that TypeScript does not', () => {
      expect(Object.keys(table).sort()).toEqual(Object.keys(expectedFields).sort());
    });

    test.each(Object.keys(table))('%s has the attributes of TypeScript: names, types and order', (op) => {
      const { fields, attributeBytes, variableAttributes } = table[op] as NativeOp;
      expect(variableAttributes ? null : fields).toEqual(expectedFields[op]);
      expect(attributeBytes).toBe(4 * fields.length);
    });

    test('takes the inputs and gives the outputs that nodes have', () => {
      const counts = countsInCases();
      for (const [op, { inputs, outputs }] of Object.entries(counts)) {
        const row = table[op] as NativeOp;
        expect({ op, counted: inputs.length > 0 }).toEqual({ op, counted: true });
        expect({ op, outputs: [...new Set(outputs)] }).toEqual({ op, outputs: [row.outputs] });
        const [least, most] = row.inputs;
        expect({ op, outside: inputs.filter((count) => count < least || count > most) }).toEqual({ op, outside: [] });
        // Exact, but for the ops that take any number or a range of it.
        if (least === most) expect({ op, inputs: [...new Set(inputs)] }).toEqual({ op, inputs: [least] });
      }
    });
  });
}
