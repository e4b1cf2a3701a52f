/** Invalid plans are refused with a code and a message that names the fault; none crashes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Philox } from '../../lib/random';
import type { NativeDevice, NodeDescription, PlanDescription, TensorDescription } from '../../lib/runtime/native';
import { assign, Fakes, int32, node, open, plan, tensor, value } from './support';

const fakes = new Fakes();
const bytes = { parameters: 64, optimizer: 0, gradients: 64, buffers: 8 };
let device: NativeDevice;
beforeAll(() => {
  device = open(fakes.backend());
});
afterAll(() => {
  device.dispose();
  fakes.remove();
});

// For values that the types forbid.
// biome-ignore lint/suspicious/noExplicitAny: wrong values are what these tests are about
type Any = any;

const invalid = 'ERR_INVALID_PLAN';
const copy = node('copy', [0], [1]);
const pair = [tensor(), tensor()];
const image = () => tensor([1, 2, 2, 2], { image: true });
const half = () => tensor([1, 2, 2, 2], { image: true, dtype: 'bf16' });
const view = (more: Partial<TensorDescription>) => plan([...pair, tensor([2], more)], [copy], [0], [1, 2]);
const state = (more: Partial<TensorDescription>) =>
  plan([tensor([4], { arena: 'gradients', byteOffset: 0, ...more }), tensor()], [copy], [], [1]);
const parameters = (byteOffset = 0) => tensor([4], { arena: 'parameters', byteOffset });
/** Describes a plan that writes State. Tensor 0 is its input, 1 an activation, 2 the first parameter. */
const writing = (nodes: NodeDescription[], more: TensorDescription[] = []) =>
  plan([...pair, parameters(), ...more], nodes, [0], [0]);

const cases: Record<string, [PlanDescription, code: string, text: string]> = {
  'an unknown op': [
    plan(pair, [node('x', [0], [1])], [0], [1]),
    'ERR_UNSUPPORTED',
    "[fake] no kernel for op 'x' (the x)",
  ],
  'an op that the backend refuses': [plan(pair, [node('none', [0], [1])], [0], [1]), 'ERR_UNSUPPORTED', '(the none)'],
  'attributes of a wrong size': [
    plan(pair, [node('slow', [0], [1])], [0], [1]),
    invalid,
    'Expected 4 bytes of attributes',
  ],
  'too few inputs': [plan(pair, [node('copy', [], [1])], [0], [1]), invalid, 'Expected 1 inputs for op'],
  'too many inputs': [plan(pair, [node('copy', [0, 0], [1])], [0], [1]), invalid, 'but received 2'],
  'too many outputs': [plan(pair, [node('copy', [0], [1, -1])], [0], [1]), invalid, 'Expected 1 outputs for op'],
  'attributes of another count than inputs': [
    plan(pair, [node('placed', [0], [1], { attributes: int32(0, 0) })], [0], [1]),
    invalid,
    'Expected 4 bytes of attributes',
  ],
  'a bf16 input': [plan([half(), image()], [copy], [0], [1]), invalid, 'Expected another dtype for an input'],
  'a bf16 output': [
    plan([image(), half()], [copy], [0], [1]),
    invalid,
    'Expected another dtype for an input, an output',
  ],
  'a bf16 part of the State': [state({ ...half(), arena: 'gradients', byteOffset: 0 }), invalid, 'a part of the State'],
  'an f16 constant that is no image': [
    plan([tensor([2], { dtype: 'f16', data: new Float32Array(1) }), tensor([2])], [copy], [], [1]),
    'ERR_INVALID_ARGUMENT',
    'data of dtype f16',
  ],
  'an f16 input that is no image': [
    plan([tensor([8], { dtype: 'f16' }), tensor([8])], [copy], [0], [1]),
    invalid,
    'Expected another dtype for an input',
  ],
  'offsets outside of the output': [
    plan(pair, [node('placed', [0], [1], { attributes: int32(1) })], [0], [1]),
    invalid,
    "output's 4 elements",
  ],
  'negative offsets': [
    plan(pair, [node('placed', [0], [1], { attributes: int32(-1) })], [0], [1]),
    invalid,
    'offset -1',
  ],
  'an input that is no tensor': [
    plan(pair, [node('copy', [2], [1])], [0], [1]),
    invalid,
    "2 for an input of op 'copy'",
  ],
  'an output that is no tensor': [plan(pair, [node('copy', [0], [9])], [0], [1]), invalid, 'received 9'],
  'a plan’s input that is no tensor': [plan(pair, [copy], [5], [1]), invalid, "the plan's input 'input 0'"],
  'a plan’s output that is no tensor': [plan(pair, [copy], [0], [5]), invalid, "the plan's output 'output 0'"],
  'a plan’s input given twice': [plan(pair, [copy], [0, 0], [1]), invalid, "Two of the plan's inputs"],
  'a plan’s input that is constant': [
    plan([tensor([1], { data: new Float32Array(1) })], [], [0], [0]),
    invalid,
    'is a constant',
  ],
  'rank 0': [plan([tensor([])], [], [0], [0]), invalid, '1 to 4 dimensions'],
  'rank 5': [plan([tensor([1, 1, 1, 1, 1])], [], [0], [0]), invalid, '1 to 4 dimensions'],
  'an image of rank 3': [plan([tensor([1, 1, 1], { image: true })], [], [0], [0]), invalid, '4 dimensions'],
  'a size of 0': [plan([tensor([0])], [], [0], [0]), invalid, 'f32 [0]'],
  'too many elements': [plan([tensor([2 ** 30, 2 ** 30, 2 ** 30])], [], [0], [0]), invalid, '2^40'],
  'too large a size': [plan([tensor([2 ** 31])], [], [0], [0]), invalid, 'sizes from 1'],
  'two places': [view({ base: 0, offset: 0, data: new Float32Array(2) }), invalid, 'one of arena, data and base'],
  'a constant of a wrong size': [view({ data: new Float32Array(3) }), invalid, 'Expected 8 bytes of data'],
  'a view past its base': [view({ base: 0, offset: 3 }), invalid, 'at element 3'],
  'a view of another dtype': [view({ base: 0, offset: 0, dtype: 'i32' }), invalid, 'Expected a part of its base'],
  'a base that is no tensor': [view({ base: 7, offset: 0 }), invalid, 'received 7'],
  'a view of itself': [view({ base: 2, offset: 0 }), invalid, 'at most 64 bases'],
  'a slice of channels past its base': [
    plan([tensor([1, 2, 2, 4]), tensor([1, 2, 2, 2], { base: 0, offset: 3 })], [], [0], [1]),
    invalid,
    'at channel 3',
  ],
  'a slice of another image size': [
    plan([tensor([1, 2, 2, 4]), tensor([1, 1, 2, 2], { base: 0, offset: 0 })], [], [0], [1]),
    invalid,
    'Expected a part of its base',
  ],
  'elements of a slice of channels': [
    plan(
      [tensor([1, 2, 2, 4]), tensor([1, 2, 2, 2], { base: 0, offset: 0 }), tensor([8], { base: 1, offset: 0 })],
      [],
      [0],
      [2],
    ),
    invalid,
    'which is a slice of channels',
  ],
  'a tensor past its arena': [state({ byteOffset: 52 }), invalid, 'byte offset 52'],
  'a tensor at half an element': [state({ byteOffset: 2 }), invalid, 'byte offset 2'],
  'a tensor of an arena too small': [state({ arena: 'buffers' }), invalid, "8 bytes of the arena 'buffers'"],
  'reading what nothing wrote': [
    plan([...pair, tensor()], [node('copy', [2], [1])], [0], [1]),
    invalid,
    'nothing has written',
  ],
  'an output that nothing wrote': [plan([...pair, tensor()], [copy], [0], [2]), invalid, 'nothing has written'],
  'writing twice': [plan(pair, [copy, copy], [0], [1]), invalid, 'was written before'],
  'writing an input': [plan(pair, [copy, node('copy', [1], [0])], [0], [1]), invalid, 'is an input'],
  'writing parameters': [
    plan([tensor(), tensor([4], { arena: 'parameters', byteOffset: 0 })], [copy], [0], [1]),
    invalid,
    'a part of the State',
  ],
  'a node after those that write state': [
    plan([...pair, parameters()], [assign(-1, 2, 0), copy], [0], [1]),
    invalid,
    'at the end',
  ],
  'a node without outputs that writes nothing': [
    writing([assign(-1, 2, 0, { writes: [] })]),
    invalid,
    "either outputs or writes for op 'assign' (the assign) but received neither",
  ],
  'a node with outputs that writes state': [
    writing([node('copy', [2], [1], { writes: [0] })]),
    invalid,
    'but received both',
  ],
  'writing no input': [writing([assign(-1, 2, 0, { writes: [3] })]), invalid, "writes of op 'assign' (the assign)"],
  'writing an absent input': [writing([assign(-1, 2, 0, { writes: [0] })]), invalid, 'but received 0'],
  'a state write to a plan’s input': [
    writing([assign(-1, 0, 2)]),
    invalid,
    "op 'assign' (the assign) writes tensor 0 (f32 [4]), which is no part of the State",
  ],
  'a state write to a constant': [
    writing([assign(-1, 3, 0)], [tensor([4], { data: new Float32Array(4) })]),
    invalid,
    'which is no part of the State',
  ],
  'a state write to an activation': [writing([copy, assign(-1, 1, 0)]), invalid, 'which is no part of the State'],
  'a state write to channels of an image': [
    writing(
      [assign(-1, 4, 5)],
      [
        tensor([1, 2, 2, 2], { arena: 'parameters', byteOffset: 0 }),
        tensor([1, 2, 2, 1], { base: 3, offset: 1 }),
        tensor([1, 2, 2, 1], { data: new Float32Array(4) }),
      ],
    ),
    invalid,
    'which is a part of an image',
  ],
  'two nodes that write over each other': [
    writing([assign(-1, 2, 0), assign(-1, 3, 0, { name: 'other' })], [parameters(12)]),
    invalid,
    "op 'assign' (the assign) and op 'assign' (other) write over each other in the arena 'parameters', at byte 12",
  ],
  'a node that writes over itself, through a view': [
    writing([assign(-1, 2, 3, { writes: [1, 2] })], [tensor([2], { base: 2, offset: 2 })]),
    invalid,
    'at byte 8',
  ],
  'in place over what is read later': [
    plan(
      [tensor(), tensor(), tensor(), tensor()],
      [copy, node('copy', [1], [2], { inPlace: [0] }), node('add', [1, 2], [3])],
      [0],
      [3],
    ),
    invalid,
    'is read later',
  ],
  'in place over no input': [
    plan(pair, [node('copy', [0], [1], { inPlace: [1] })], [0], [1]),
    invalid,
    'for inPlace of',
  ],
  'in place without an output': [
    plan(pair, [node('copy', [0], [1], { inPlace: [-1, 0] })], [0], [1]),
    invalid,
    'one entry',
  ],
  'in place over another size': [
    plan([tensor(), tensor([2])], [node('copy', [0], [1], { inPlace: [0] })], [0], [1]),
    invalid,
    'differ in size',
  ],
  'in place over a view of itself': [
    plan(
      [tensor(), tensor(), tensor([4], { base: 1, offset: 0 }), tensor([4], { base: 1, offset: 0 })],
      [node('copy', [0], [3]), node('copy', [2], [1], { inPlace: [0] })],
      [0],
      [1],
    ),
    invalid,
    'a part of itself',
  ],
  'a gate of floats': [
    plan([tensor([1]), tensor([1])], [copy], [0], [1], { gate: 1 }),
    invalid,
    'i32 [1] for the gate',
  ],
  'a gate that is no tensor': [plan(pair, [copy], [0], [1], { gate: 44 }), invalid, 'the gate'],
};

test.each(Object.entries(cases))('%s', async (_, [description, code, text]) => {
  const owner = device.createState(bytes);
  const compiling = device.compile(description, owner);
  await expect(compiling).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  owner.dispose();
});

test('State without a State', async () => {
  await expect(device.compile(state({}), null)).rejects.toThrow('Expected a State for this plan');
});

test('deep chains and long plans do not exhaust the stack', async () => {
  const count = 20_000;
  const chain = Array.from({ length: count }, (_, i) => tensor([4], i === 0 ? {} : { base: i - 1, offset: 0 }));
  await expect(device.compile(plan(chain, [], [0], [count - 1]), null)).rejects.toThrow('at most 64 bases');
  const tensors = Array.from({ length: count }, () => tensor());
  const nodes = tensors.slice(1).map((_, i) => node('copy', [i], [i + 1], { inPlace: [0] }));
  const compiled = await device.compile(plan(tensors, nodes, [0], [count - 1]), null);
  expect(compiled.arenaBytes).toBe(256);
  compiled.dispose();
});

test('descriptions with one wrong value anywhere never crash', async () => {
  const good = () =>
    plan(
      [
        tensor([2, 2, 2, 6]),
        tensor([2, 2, 2, 4], { base: 0, offset: 1 }),
        tensor([2, 2, 2, 4]),
        tensor([8], { base: 2, offset: 3 }),
        tensor([8], { arena: 'gradients', byteOffset: 16 }),
        tensor([1], { dtype: 'i32' }),
        tensor([8], { data: new Float32Array(8) }),
        tensor([8], { arena: 'parameters', byteOffset: 0 }),
        tensor([8]),
      ],
      [
        node('copy', [1], [2]),
        node('add', [3, 6, -1], [8], { inPlace: [0] }),
        node('copy', [8], [4]),
        node('isNegative', [4], [5]),
        node('slow', [4], [9], { attributes: int32(0) }),
        assign(5, 7, 8),
      ],
      [0],
      [2, 8, 9],
      { gate: 5, poison: true },
    );
  const original = good();
  original.tensors.push(tensor([8]));
  original.nodes[1]!.inPlace = [-1];
  const owner = device.createState(bytes);
  await (await device.compile(original, owner)).run([value(...Array(48).fill(1))], 2);
  const values = [-1, 0, 1, 2, 3, 5, 8, 64, 0.5, 1e9, 2 ** 31, 2 ** 53, -5, Number.NaN, '', 'f32', 'i32', 'u8'];
  const odd: unknown[] = [
    ...values,
    'gradients',
    'copy',
    'add',
    null,
    undefined,
    true,
    [],
    {},
    [1],
    new Float32Array(3),
  ];
  const random = new Philox(11, 3);
  const pick = <T>(list: readonly T[]): T => list[random.uint32() % list.length]!;
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const description = structuredClone(original) as Any;
    let at = description;
    for (;;) {
      const keys = ArrayBuffer.isView(at) ? [] : Object.keys(at);
      if (keys.length === 0) break;
      const key = pick(keys);
      if (typeof at[key] === 'object' && at[key] !== null && random.uint32() % 5 > 0) {
        at = at[key];
        continue;
      }
      at[key] = pick(odd);
      break;
    }
    try {
      const compiled = await device.compile(description, owner);
      await compiled.run([value(...Array(48).fill(1))], 1).catch((error) => expect(error.code).toMatch(/^ERR_/));
      compiled.dispose();
    } catch (error) {
      expect((error as Any).code).toMatch(/^ERR_/);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(500);
  owner.dispose();
});
