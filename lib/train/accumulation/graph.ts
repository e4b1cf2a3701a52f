import type { UpdateParts } from '../../optim/optimizer';
import { input, type Tensor } from '../../tensor/tensor';

/** The inputs of a graph whose steps are the parts of an update. */
export interface PartInputs extends UpdateParts {
  /** i32 [2]: the seed, and a number that differs in every part of every update. From these, layers make their random numbers. */
  readonly counter: Tensor;
}

/** Makes these inputs. partInputs() in inputs.ts has their values. */
export const partTensors = (): PartInputs => ({
  adds: input('adds', [1], { dtype: 'i32' }),
  waits: input('waits', [1], { dtype: 'i32' }),
  counter: input('partCounter', [2], { dtype: 'i32' }),
});
