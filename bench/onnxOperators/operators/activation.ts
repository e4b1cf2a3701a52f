/** ONNX's activations: activate() and clamp(), and what a few ops together are. */
import {
  activate,
  add,
  affine,
  clamp,
  constant,
  elu,
  gelu,
  hardSwish,
  leakyRelu,
  multiply,
  relu,
  sigmoid,
  silu,
  type Tensor,
  tanh,
} from '../../../lib';
import { elementsOf, rowsOf } from '../arrange';
import { type Call, type Operator, type Operators, withoutOp } from '../call';
import { NotClaimed } from '../reasons';

/** An operator that is one op on a tensor of any shape, also on an image. */
function alone(make: (x: Tensor, call: Call) => Tensor): Operator {
  return async (call) => {
    const { values, back, image } = elementsOf(call.floats(0));
    return call.compute([[make(call.feed(values, { image }), call), back]]);
  };
}

/** An operator that is several ops on an image of one pixel per row. */
function together(make: (x: Tensor, call: Call) => Tensor): Operator {
  return async (call) => {
    const { tensor, back } = call.feedArranged(rowsOf(call.floats(0)));
    return call.compute([[make(tensor, call), back]]);
  };
}

/** Returns a number among the attributes. @throws NotClaimed if it is not within the bounds of the op's option */
function within(call: Call, name: string, otherwise: number, [least, most]: readonly [number, number]): number {
  const value = call.number(name, otherwise);
  if (!(value >= least && value <= most)) throw new NotClaimed('range');
  return value;
}

/** x sigmoid(alpha x) */
const swish = (x: Tensor, alpha: number): Tensor =>
  alpha === 1 ? activate(x, silu()) : multiply(x, activate(multiply(x, alpha), sigmoid()));

/** gelu's approximation x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
function geluByTanh(x: Tensor): Tensor {
  const cube = multiply(x, multiply(x, x));
  const inner = multiply(add(x, multiply(cube, 0.044715)), Math.sqrt(2 / Math.PI));
  return multiply(add(x, multiply(x, activate(inner, tanh()))), 1 / 2);
}

/** alpha (e^(x / alpha) - 1) where x < 0, and x elsewhere */
function celu(x: Tensor, alpha: number): Tensor {
  return multiply(activate(multiply(x, 1 / alpha), elu(1)), alpha);
}

function hardSigmoid(x: Tensor, alpha: number, beta: number): Tensor {
  const channels = x.shape[3]!;
  const vector = (value: number) => constant(new Float32Array(channels).fill(value));
  return clamp(affine(x, { scale: vector(alpha), bias: vector(beta) }), { low: 0, high: 1 });
}

/** A bound of Clip: an attribute until version 10, an input since. */
function boundOf(call: Call, name: 'min' | 'max', index: number): number | undefined {
  const attribute = call.number(name, Number.NaN);
  return Number.isNaN(attribute) ? call.optional(index)?.data[0] : attribute;
}

/** With min above max, ONNX gives max everywhere. */
function clip(x: Tensor, call: Call): Tensor {
  const [low, high] = [boundOf(call, 'min', 1), boundOf(call, 'max', 2)];
  const least = low !== undefined && high !== undefined ? Math.min(low, high) : low;
  return clamp(x, { ...(least !== undefined && { low: least }), ...(high !== undefined && { high }) });
}

async function gelus(call: Call): Promise<Awaited<ReturnType<Operator>>> {
  const isExact = call.text('approximate', 'none') === 'none';
  return (isExact ? alone((x) => activate(x, gelu())) : together(geluByTanh))(call);
}

async function swiglu(call: Call): Promise<Awaited<ReturnType<Operator>>> {
  const { tensor, back } = call.feedArranged(rowsOf(call.floats(0)));
  const gate = call.feed(rowsOf(call.floats(1)).values);
  return call.compute([[multiply(swish(tensor, call.number('alpha', 1)), gate), back]]);
}

/** The activations. */
export const activationOperators: Operators = {
  Relu: alone((x) => activate(x, relu())),
  LeakyRelu: alone((x, call) => activate(x, leakyRelu(within(call, 'alpha', 0.01, [0, 1])))),
  Sigmoid: alone((x) => activate(x, sigmoid())),
  Tanh: alone((x) => activate(x, tanh())),
  Elu: alone((x, call) => activate(x, elu(within(call, 'alpha', 1, [0, 10])))),
  HardSwish: alone((x) => activate(x, hardSwish())),
  Gelu: gelus,
  Clip: alone(clip),
  HardSigmoid: together((x, call) => hardSigmoid(x, call.number('alpha', 0.2), call.number('beta', 0.5))),
  Selu: together((x, call) =>
    multiply(
      activate(x, elu(within(call, 'alpha', 1.6732632423543772, [0, 10]))),
      call.number('gamma', 1.0507009873554805),
    ),
  ),
  Celu: together((x, call) => celu(x, call.number('alpha', 1))),
  Swish: together((x, call) => swish(x, call.number('alpha', 1))),
  SwiGLU: swiglu,
  ThresholdedRelu: withoutOp('jump'),
  Softplus: withoutOp('logarithm'),
  Mish: withoutOp('logarithm'),
  Softsign: withoutOp('division'),
};
