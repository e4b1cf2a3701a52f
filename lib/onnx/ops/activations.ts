/** Activations in ONNX. */
import type { NativeActivation } from '../../ops/nativeActivations';
import { nativeActivations } from '../../ops/nativeActivations';
import type { Attributes } from '../builder';
import { inputsOf, type Translated, type Translation } from './translation';

/** Adds the nodes of an activation to the graph. `node` adds one of them. */
type Activate = (
  x: string,
  slope: number,
  graph: {
    node(op: string, inputs: readonly string[], attributes?: Attributes): string;
    number(value: number): string;
  },
) => string;

/** Returns x, and slope x for x < 0. A slope of 0 would make NaN of minus infinity, and one of 1 changes nothing. */
const leaky: Activate = (x, slope, { node }) => {
  if (slope === 1) return x;
  return slope === 0 ? node('Relu', [x]) : node('LeakyRelu', [x], { alpha: { float: slope } });
};

/** Each activation by name: see native/activations.def. A missing one does not compile. */
const activations: Readonly<Record<NativeActivation, Activate>> = {
  sigmoid: (x, _, { node }) => node('Sigmoid', [x]),
  scaledSigmoid: (x, _, { node, number }) => {
    const half = node('Mul', [x, number(0.5)]);
    return node('Mul', [node('Tanh', [half]), number(2)]);
  },
  tanh: (x, _, { node }) => node('Tanh', [x]),
  leakyTanh: (x, slope, graph) => leaky(graph.node('Tanh', [x]), slope, graph),
  relu: (x, _, { node }) => node('Relu', [x]),
  leakyRelu: leaky,
  elu: (x, slope, { node }) => node('Elu', [x], { alpha: { float: slope } }),
  relu6: (x, _, { node, number }) => node('Clip', [x, number(0), number(6)]),
  // The operator Gelu is younger than opset 17. onnxruntime finds these nodes and computes them as one.
  gelu: (x, _, { node, number }) => {
    const share = node('Add', [node('Erf', [node('Div', [x, number(Math.SQRT2)])]), number(1)]);
    return node('Mul', [node('Mul', [x, share]), number(0.5)]);
  },
  silu: (x, _, { node }) => node('Mul', [x, node('Sigmoid', [x])]),
  hardSwish: (x, _, { node }) => node('HardSwish', [x]),
};

const activation: Translation = (translated) => {
  const { node, graph, values } = translated;
  const [x] = inputsOf(translated);
  const { kind = 0, slope = 0 } = node.attributes;
  const own = {
    node: (op: string, inputs: readonly string[], attributes?: Attributes) =>
      graph.node(op, inputs, node.name, attributes),
    number: (value: number) => graph.numbers(value),
  };
  return [activations[nativeActivations[kind]!](biased(translated, values.of(x)), slope, own)];
};

/** Returns x + bias. */
function biased({ node, graph, values, bias }: Translated, x: string): string {
  if (!bias) return x;
  return graph.node('Add', [x, values.perChannel(bias, node.inputs[0]!)], node.name);
}

const clamp: Translation = (translated) => {
  const { node, graph, values } = translated;
  const { low = 0, high = 0 } = node.attributes;
  // An absent bound is none.
  const bounds = [low, high].map((bound) => (Number.isFinite(bound) ? graph.numbers(bound) : ''));
  const given = bounds[1] === '' ? bounds.filter((bound) => bound !== '') : bounds;
  return [graph.node('Clip', [values.of(inputsOf(translated)[0]), ...given], node.name)];
};

/** The translations of activations. */
export const activationTranslations: Readonly<Record<string, Translation>> = { activation, clamp };
