import { type Field, instance } from '../options/field';
import { isArray } from '../options/values';
import type { State } from '../tensor/state';
import { isTensor, type Node, type Tensor } from '../tensor/tensor';

/** Inputs of a graph whose steps are the parts of an update: the gradient of the update is the sum of theirs. */
export interface UpdateParts {
  /** i32 [1]: 0 in the first part of an update, else 1. */
  readonly adds: Tensor;
  /** i32 [1]: 0 in the last part of an update, which writes the State; else 1. */
  readonly waits: Tensor;
}

/** The inputs of Optimizer.update(). */
export interface OptimizerInputs {
  /** The State whose parameters are trained. */
  readonly state: State;
  /** The loss to minimise, f32 [1]. */
  readonly loss: Tensor;
  /** The learning rate, f32 [1]: an input of the graph, so that it can change from step to step. */
  readonly learningRate: Tensor;
  /**
   * f32 [1]: a number that is not finite if the loss, or something else that the step will write beside the weights, is not; then
   * the step must write nothing. Default: the loss.
   */
  readonly watched?: Tensor;
  /** Present if a step is a part of an update: see Optimizer.accumulates. Default: a step is an update. */
  readonly parts?: UpdateParts;
}

/** The result of Optimizer.update(), for Graph.from(). */
export interface OptimizerNodes {
  /** The nodes that write the State, for Graph.from({ updates }). */
  readonly updates: readonly Node[];
  /** i32 [1], for Graph.from({ gate }): not 0 if loss or gradient are not finite, or the update overflows. Training then stops. */
  readonly gate: Tensor;
  /**
   * i32 [1], for Graph.from({ skip }), with loss scaling: not 0 if the scaled gradient overflowed; the step is skipped. With parts: not 0
   * in all parts but the last.
   */
  readonly skip?: Tensor | null;
  /** L2 norm of the gradient of all parameters, f32 [1], before any clipping. */
  readonly gradientNorm: Tensor;
}

/** An optimizer: it makes the nodes that change a State by one training step. */
export interface Optimizer {
  /** The number of values that it keeps per parameter: State's optimizerSlots must be at least this. */
  readonly slots: number;
  /** Index of the slot that holds the average of the weights: State's averageSlot. Absent or null: there is no average. */
  readonly averageSlot?: number | null;
  /**
   * Whether update() takes `parts`: it then sums the gradients of the parts in the State's second gradient, and writes nothing else before
   * the last part. Default false: the optimizer cannot be used with TrainerOptions.accumulate.
   */
  readonly accumulates?: boolean;
  /**
   * Makes the nodes that write parameters and slots at the end of a step. It is called once per graph.
   * @param inputs the State that is trained, the loss (f32 [1]) and the learning rate (f32 [1])
   * @returns `updates` (nodes that write the State), `gate` (i32 [1], not 0 if training must stop), `skip` (i32 [1], not 0 if
   * the step must be skipped; null without loss scaling), for Graph.from(); and `gradientNorm` (f32 [1])
   */
  update(inputs: OptimizerInputs): OptimizerNodes;
}

/** Accepts the result of Optimizer.update(), whose nodes Graph.from() checks. */
export const nodesField: Field<OptimizerNodes> = instance<OptimizerNodes>(
  '{ updates, gate, gradientNorm }',
  ({ updates, gate, gradientNorm }) => isArray(updates) && isTensor(gate) && isTensor(gradientNorm),
);
