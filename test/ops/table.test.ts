/**
 * Checks that the op table of TypeScript and that of every backend (native/ops.def) agree: names, attributes, numbers of inputs and
 * outputs; and the activations with native/activations.def.
 */
import { describe, expect, test } from 'vitest';
import { optimize } from '../../lib/compile/optimize';
import { ops } from '../../lib/ops';
import { activations } from '../../lib/ops/activations';
import { nativeActivations } from '../../lib/ops/nativeActivations';
import { loadAddon } from '../../lib/runtime/addon';
import { type BackendName, probeBackend } from '../../lib/runtime/device';
import type { NativeOp } from '../../lib/runtime/native';
import { type Backend, backends } from '../backends';
import { allCases } from '../cases';
import { graphOf } from '../check';
import { isSource } from '../reference/interpret';

/** Name and type of each op's attributes; null for an op that encodes its attributes itself. */
const expectedFields = Object.fromEntries(
  ops.map(({ name, attributes, encode }) => [name, encode ? null : attributes.map((field) => [...field])]),
);

/** Returns how many inputs and outputs the nodes of each op have in the conformance cases, before and after all passes. */
function countsInCases(): Readonly<Record<string, { inputs: number[]; outputs: number[] }>> {
  const counts = Object.fromEntries(ops.map(({ name }) => [name, { inputs: [] as number[], outputs: [] as number[] }]));
  for (const one of allCases) {
    const graph = graphOf(one);
    for (const node of [...graph.nodes, ...optimize(graph).nodes]) {
      if (isSource(node)) continue;
      counts[node.op.name]?.inputs.push(node.inputs.length);
      counts[node.op.name]?.outputs.push(node.outputs.length);
    }
  }
  return counts;
}

let counts: ReturnType<typeof countsInCases> | null = null;

test('op names are unique', () => {
  expect(new Set(ops.map(({ name }) => name)).size).toBe(ops.length);
});

test('the activations are those of native/activations.def, as it is and as the addon was built with it', () => {
  expect(Object.keys(activations).sort()).toEqual([...nativeActivations].sort());
  expect(loadAddon().activationKinds).toEqual(nativeActivations);
});

test('the CPU backend opens: without it nothing was tested', () => {
  expect(backends().find(({ name }) => name === 'cpu')).toMatchObject({ reason: '' });
});

/** Returns a backend's op table from its device or, if no device can be opened, from its library; else the reason as text. */
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
      counts ??= countsInCases();
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
