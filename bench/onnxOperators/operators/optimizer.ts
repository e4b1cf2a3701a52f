/** ONNX's optimizers: Sgd and Adam, on a loss whose gradient is the one that is given. */
import {
  Adam,
  add,
  compile,
  Graph,
  input,
  mean,
  multiply,
  type Optimizer,
  Parameter,
  Sgd,
  State,
  type Tensor,
} from '../../../lib';
import type { Call, Operators } from '../call';
import type { Values } from '../case';
import { NotClaimed } from '../reasons';

/** The inputs of an optimizer's node: rate and number of the step, then for each parameter its values, gradient and slots. */
interface Inputs {
  readonly rate: number;
  readonly step: number;
  readonly values: readonly Values[];
  readonly gradients: readonly Values[];
  /** The optimizer's own values, by slot and parameter. */
  readonly slots: readonly (readonly Values[])[];
}

function inputsOf(call: Call, slotCount: number): Inputs {
  const arrays = call.inputs.slice(2).map((_, index) => call.floats(2 + index));
  const count = arrays.length / (2 + slotCount);
  const group = (index: number) => arrays.slice(index * count, (index + 1) * count);
  return {
    rate: call.floats(0).data[0]!,
    step: call.integers(1)![0]!,
    values: group(0),
    gradients: group(1),
    slots: Array.from({ length: slotCount }, (_, slot) => group(2 + slot)),
  };
}

/** Returns Σ parameter gradient: the loss whose gradient is the one that is given. */
function lossOf(parameters: readonly Parameter[], gradients: readonly Tensor[]): Tensor {
  const sums = parameters.map((parameter, index) =>
    multiply(mean(multiply(parameter, gradients[index]!)), parameter.size),
  );
  return add(...sums);
}

/** A step of an optimizer: how its slots are kept here, and the number of steps that the State has counted. */
interface Step {
  readonly optimizer: Optimizer;
  /** Factor from ONNX's slots to those here. */
  readonly factor: number;
  readonly counted: number;
}

/** Computes a step, and returns the parameters and then each slot. */
async function stepOf(call: Call, inputs: Inputs, { optimizer, factor, counted }: Step): Promise<Values[]> {
  const { rate, values, gradients, slots } = inputs;
  const parameters = values.map(
    ({ data }, index) =>
      new Parameter({ name: `x${index}`, shape: [data.length], decay: true, initialize: () => data }),
  );
  using state = new State(parameters, { optimizerSlots: optimizer.slots, device: call.device });
  const given = gradients.map(({ data }, index) => input(`g${index}`, [data.length]));
  const loss = lossOf(parameters, given);
  const { updates, gate } = optimizer.update({ state, loss, learningRate: input('rate', [1]) });
  using plan = await compile(Graph.from({ outputs: {}, updates, gate }), { device: call.device });
  await writeSlots(state, slots, factor);
  await writeCounter(state, counted);
  const fed = Object.fromEntries(gradients.map(({ data }, index) => [`g${index}`, data]));
  await plan.run({ rate: Float32Array.of(rate), ...fed });
  const moved = await Promise.all(parameters.map((parameter) => state.read(parameter)));
  const kept = new Float32Array((await state.readArena('optimizer')).buffer);
  const after = slots.map((_, slot) =>
    parameters.map((parameter, index) => {
      const from = slot * state.size + state.offsetOf(parameter);
      const data = kept.slice(from, from + parameter.size).map((value) => value / factor);
      return { shape: values[index]!.shape, data };
    }),
  );
  return [...moved.map((data, index) => ({ shape: values[index]!.shape, data })), ...after.flat()];
}

async function writeSlots(state: State, slots: Inputs['slots'], factor: number): Promise<void> {
  const arena = new Float32Array(slots.length * state.size);
  for (const [slot, arrays] of slots.entries())
    for (const [index, { data }] of arrays.entries())
      arena.set(
        data.map((value) => value * factor),
        slot * state.size + state.offsetOf(state.parameters[index]!),
      );
  await state.writeArena('optimizer', new Uint8Array(arena.buffer));
}

/** Sets the number of steps that were done, behind the seed. */
async function writeCounter(state: State, steps: number): Promise<void> {
  const buffers = await state.readArena('buffers');
  new Int32Array(buffers.buffer, buffers.byteOffset, 2)[1] = steps;
  await state.writeArena('buffers', buffers);
}

async function momentum(call: Call): Promise<Values[]> {
  const inputs = inputsOf(call, 1);
  // Later gradients have a factor of their own, which Sgd does not have.
  if (inputs.step > 0 && call.number('beta', 1) !== 1) throw new NotClaimed('step');
  const optimizer = new Sgd({
    momentum: call.number('alpha', 0),
    nesterov: call.text('mode', 'standard') === 'nesterov',
    weightDecay: call.number('norm_coefficient', 0),
  });
  // Sgd keeps the steps themselves, and ONNX the sums of gradients.
  return stepOf(call, inputs, { optimizer, factor: -inputs.rate, counted: 0 });
}

async function adam(call: Call): Promise<Values[]> {
  const inputs = inputsOf(call, 2);
  if (inputs.step > 0 || call.number('norm_coefficient_post', 0) !== 0) throw new NotClaimed('step');
  const optimizer = new Adam({
    beta1: call.number('alpha', 0.9),
    beta2: call.number('beta', 0.999),
    epsilon: call.number('epsilon', 1e-6),
    weightDecay: call.number('norm_coefficient', 0),
  });
  // ONNX's step 0 has no bias correction: after very many steps, there is none.
  return stepOf(call, inputs, { optimizer, factor: 1, counted: 2 ** 31 - 2 });
}

/** Optimizers. */
export const optimizerOperators: Operators = { Adam: adam, Momentum: momentum };
