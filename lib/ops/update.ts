/** What the ops that change the weights have in common: a factor on the gradient, and rates and decays by segment. */

import type { Tensor } from '../tensor';
import type { AttributeField } from './op';
import { expectShape, expectTensor } from './op';

/** Numbers of consecutive parts of the parameter arena. */
export interface Segments {
  /** i32 [S], increasing: the first element beyond each segment; the last is the arena's size. */
  readonly ends: Tensor;
  /** f32 [S]: factors on the learning rate. */
  readonly rates: Tensor;
  /** f32 [S]: weight decay. */
  readonly decays: Tensor;
}

export interface UpdateInputs {
  /** i32 [1]: nothing is written where it is not 0. */
  gate: Tensor;
  /** [P], of a State. */
  parameters: Tensor;
  /** [P] */
  gradient: Tensor;
  /** [1] */
  learningRate: Tensor;
  /** [1]: a factor on the gradient. */
  scale?: Tensor | null;
  /** Absent: the attributes' weight decay on the first `decayed` elements, and the learning rate everywhere. */
  segments?: Segments | null;
}

export interface DecayAttributes {
  weightDecay: number;
  /** Elements of the arena that decay; they come first. */
  decayed: number;
}

export const decayFields: readonly AttributeField[] = [
  ['weightDecay', 'f32'],
  ['decayed', 'i32'],
];

/** The optional inputs in their order: scale, ends, rates, decays. */
export function optionalInputs({ scale = null, segments = null }: UpdateInputs): (Tensor | null)[] {
  return [scale, segments?.ends ?? null, segments?.rates ?? null, segments?.decays ?? null];
}

/** @throws ERR_SHAPE */
export function expectOptional(op: string, inputs: readonly (Tensor | null | undefined)[]): void {
  const [scale, ...table] = inputs;
  if (scale) expectShape(op, 'scale', expectTensor(op, 'scale', scale, {}), [1]);
  if (table.some((tensor) => tensor)) expectSegments(op, table);
}

/** @throws ERR_SHAPE */
export function expectSegments(op: string, [ends, rates, decays]: readonly (Tensor | null | undefined)[]): void {
  const { shape } = expectTensor(op, 'ends', ends, { dtype: 'i32', rank: 1 });
  expectShape(op, 'rates', expectTensor(op, 'rates', rates, {}), shape);
  expectShape(op, 'decays', expectTensor(op, 'decays', decays, {}), shape);
}

/** Gate, parameters, and what has the parameters' shape, by name. @throws ERR_SHAPE */
export function expectUpdate(
  op: string,
  gate: Tensor | null | undefined,
  parameters: Tensor | null | undefined,
  vectors: Readonly<Record<string, Tensor | null | undefined>>,
): void {
  expectShape(op, 'gate', expectTensor(op, 'gate', gate, { dtype: 'i32' }), [1]);
  const { shape } = expectTensor(op, 'parameters', parameters, { rank: 1 });
  for (const [name, tensor] of Object.entries(vectors))
    expectShape(op, name, expectTensor(op, name, tensor, {}), shape);
}
