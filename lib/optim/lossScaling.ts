import { adjustLossScale } from '../ops/scaling';
import { type Precision, precisionTable } from '../runtime/precisions';
import { type State, StateBuffer } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';

const scaleName = 'lossScaling/scale';
const stepsName = 'lossScaling/steps';
/** Steps without an overflow after which the scale is doubled. */
const growthInterval = 2000;

/**
 * What a State remembers for training in this precision, beside its model's buffers. For fp16: the scale of the loss, 2^16 at the
 * beginning, and the steps since it has changed.
 */
export function precisionBuffers(precision: Precision): StateBuffer[] {
  if (!precisionTable[precision].scalesLoss) return [];
  return [
    new StateBuffer({ name: scaleName, shape: [1], initial: 65536 }),
    new StateBuffer({ name: stepsName, shape: [1] }),
  ];
}

/**
 * Dynamic loss scaling, for gradients that are stored as f16: they vanish below 6e-8 and overflow beyond 65504. So they are
 * computed of a scaled loss; a step whose gradient overflows is skipped and halves the scale.
 */
export class LossScaling {
  private constructor(
    readonly scale: StateBuffer,
    private readonly steps: StateBuffer,
  ) {}

  /** That of a State with precisionBuffers; null if it has none. */
  static of({ buffers }: State): LossScaling | null {
    const [scale, steps] = [scaleName, stepsName].map((name) => buffers.find((buffer) => buffer.name === name));
    return scale && steps ? new LossScaling(scale, steps) : null;
  }

  /** The node that sets the scale of the next step. */
  adjust(gate: Tensor, overflow: Tensor): Node {
    return adjustLossScale({ gate, overflow, scale: this.scale, steps: this.steps }, growthInterval);
  }
}
