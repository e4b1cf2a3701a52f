import type { State } from '../tensor/state';
import type { Node, Tensor } from '../tensor/tensor';

export interface OptimizerInputs {
  readonly state: State;
  /** [1]; its gradients with respect to the State's parameters are what the optimizer follows. */
  readonly loss: Tensor;
  /** f32 [1]: an input, so that it may change from step to step. */
  readonly learningRate: Tensor;
}

export interface OptimizerNodes {
  /** For Graph.from({updates}). */
  readonly updates: readonly Node[];
  /** For Graph.from({gate}): not 0 if loss or gradient are not finite. */
  readonly gate: Tensor;
  /** For Graph.from({skip}), with loss scaling (precisionBuffers): not 0 if the gradient has overflown. */
  readonly skip?: Tensor | null;
  /** L2 norm over all parameters, [1], before any clipping. */
  readonly gradientNorm: Tensor;
}

/** Emits the nodes that change a State by one step. */
export interface Optimizer {
  /** Values that it keeps per parameter: State's optimizerSlots. */
  readonly slots: number;
  /** Which of them is the average of the weights: State's averageSlot. Absent or null: none is. */
  readonly averageSlot?: number | null;
  /** The ops that write parameters and slots at the end of a step. Called once per graph. */
  update(inputs: OptimizerInputs): OptimizerNodes;
}
