import { invalid } from '../errors';
import { adjustLossScale } from '../ops/scaling';
import { type Precision, precisions, precisionTable } from '../runtime/precisions';
import { type State, StateBuffer } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';

const scaleName = 'lossScaling/scale';
const stepsName = 'lossScaling/steps';
/** Steps without an overflow after which the scale is doubled. */
const growthInterval = 2000;

/**
 * Returns the buffers that a State needs, beside those of its model, to train in a precision. For fp16 they are the loss scale,
 * which begins at 2^16, and the number of steps since it last changed. Other precisions need none.
 */
export function precisionBuffers(precision: Precision): StateBuffer[] {
  if (!precisions.includes(precision)) throw invalid('precision', precisions.join(' or '), precision);
  if (!precisionTable[precision].scalesLoss) return [];
  return [
    new StateBuffer({ name: scaleName, shape: [1], initial: 65536 }),
    new StateBuffer({ name: stepsName, shape: [1] }),
  ];
}

/**
 * Dynamic loss scaling, for gradients that are stored as f16, which becomes 0 below 6e-8 and overflows above 65504. Gradients are
 * therefore computed from the loss times a scale. A step whose gradient overflows is skipped and halves the scale; after 2000
 * steps without an overflow the scale is doubled.
 */
export class LossScaling {
  private constructor(
    readonly scale: StateBuffer,
    private readonly steps: StateBuffer,
  ) {}

  /** Returns the loss scaling of a State that has precisionBuffers('fp16'), else null. */
  static of({ buffers }: State): LossScaling | null {
    const [scale, steps] = [scaleName, stepsName].map((name) => buffers.find((buffer) => buffer.name === name));
    return scale && steps ? new LossScaling(scale, steps) : null;
  }

  /** Returns the node that sets the scale of the next step. `gate` and `overflow`: i32 [1], not 0 if set. */
  adjust(gate: Tensor, overflow: Tensor): Node {
    return adjustLossScale({ gate, overflow, scale: this.scale, steps: this.steps }, growthInterval);
  }
}
