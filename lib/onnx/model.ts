/** Makes the content of an ONNX file from a network. */
import { Graph } from '../compile/graph';
import { SaturnnError } from '../errors';
import { inference } from '../layers/context';
import { forwardOf } from '../models/model';
import { recordNetwork } from '../models/saved/record';
import { input, type Node, type Tensor } from '../tensor/tensor';
import type { LoadedModel } from '../train/modelFile/loadModel';
import { version } from '../version';
import { type OnnxDType, OnnxGraph } from './builder';
import { addImages, describeValue, inputFor, inputName, inputText, type OnnxInput } from './images';
import { elementTypes, type ModelProto } from './messages';
import { translations } from './ops';
import { OnnxValues } from './values';

/** Version of ONNX's operators that a file uses: readers from 2021 on know them. */
export const opset = 17;
/** Version of the file's form, the one that belongs to these operators. */
const irVersion = 8;

/** Names of the outputs. */
export const outputNames = { logits: 'logits', probabilities: 'probabilities' } as const;

/** The settings of a file. */
export interface OnnxSettings {
  readonly floatInput: boolean;
  readonly dtype: OnnxDType;
}

/** A network that was brought into the form of ONNX. */
export interface OnnxNetwork {
  readonly model: ModelProto;
  readonly input: OnnxInput;
}

/**
 * Makes the content of a file.
 * @param metadata texts by name, which the file holds as they are
 * @throws ERR_GRAPH for a network that no file can hold; ERR_DATA if the statistics do not fit; ERR_EXPORT if ONNX cannot express it, or a weight is too large for the type
 */
export function onnxModelOf(
  { model, statistics }: Pick<LoadedModel, 'model' | 'statistics'>,
  metadata: Readonly<Record<string, string>>,
  { floatInput, dtype }: OnnxSettings,
): OnnxNetwork {
  // It refuses networks that depend on the number of images, which is no fixed number in the file.
  recordNetwork(model);
  const images = input(inputName, [2, ...model.inputShape]);
  const logits = forwardOf(model, images, inference);
  const graph = new OnnxGraph(dtype);
  for (const name of [inputName, ...Object.values(outputNames)]) graph.take(name);
  const values = new OnnxValues(graph);
  const given = inputFor(model, statistics, floatInput);
  values.set(images, addImages(graph, given, model, statistics));
  addNodes(Graph.from({ outputs: { logits } }).nodes, values);
  addOutputs(graph, values.of(logits));
  const output = (name: string, docString: string) => describeValue(name, 'f32', [model.classes], docString);
  const { nodes: node, initializers: initializer } = graph;
  return {
    input: given,
    model: {
      irVersion,
      producerName: 'saturnn',
      producerVersion: version,
      opsetImport: [{ domain: '', version: opset }],
      graph: {
        // A graph must have a name.
        name: model.name || 'network',
        docString: '',
        ...{ node, initializer },
        input: [describeValue(inputName, given.dtype, given.shape, inputText(given))],
        output: [
          output(outputNames.logits, 'outputs of the last layer: [N, classes]'),
          output(outputNames.probabilities, 'probabilities of the classes, the softmax of the logits: [N, classes]'),
        ],
      },
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    },
  };
}

/** Adds the nodes of a network. The values of its images are known. */
function addNodes(nodes: readonly Node[], values: OnnxValues): void {
  const { moved, from } = movedBiases(nodes);
  for (const node of nodes) {
    if (node.source) continue;
    const translate = translations.get(node.op.name);
    if (!translate) {
      const message = `ONNX has nothing for the op ${node.op.name} of "${node.name}", which is drawn anew in every step`;
      throw new SaturnnError('ERR_EXPORT', message);
    }
    const own = biasOf(node);
    const bias = moved.get(node) ?? (from.has(node) ? null : own);
    const names = translate({ node, graph: values.graph, values, bias });
    names.forEach((name, output) => {
      values.set(node.outputs[output]!, name);
    });
  }
}

/** Index of the bias among the inputs of ops that have one. */
const biasIndex: Readonly<Record<string, number>> = { conv2d: 2, linear: 2, activation: 1 };

const biasOf = ({ op, inputs }: Node): Tensor | null => inputs[biasIndex[op.name] ?? -1] ?? null;

/**
 * Finds the biases of activations that the layer before can add: a convolution or linear layer without a bias, whose result nothing
 * else reads.
 */
function movedBiases(nodes: readonly Node[]): { moved: ReadonlyMap<Node, Tensor>; from: ReadonlySet<Node> } {
  const readers = new Map<Tensor, number>();
  for (const tensor of nodes.flatMap(({ inputs }) => inputs))
    if (tensor) readers.set(tensor, (readers.get(tensor) ?? 0) + 1);
  const moved = new Map<Node, Tensor>();
  const from = new Set<Node>();
  for (const node of nodes.filter(({ op }) => op.name === 'activation')) {
    const [x, bias] = node.inputs;
    const layer = x?.node;
    const adds = layer && layer.op.name !== 'activation' && layer.op.name in biasIndex && !biasOf(layer);
    // The bias must be there when the layer before runs.
    if (!bias || !adds || readers.get(x) !== 1 || !bias.node.source) continue;
    moved.set(layer, bias);
    from.add(node);
  }
  return { moved, from };
}

/** Adds the outputs, which are float32 in every file. */
function addOutputs(graph: OnnxGraph, result: string): void {
  const { logits, probabilities } = outputNames;
  const last = graph.dtype === 'f32' ? result : graph.node('Cast', [result], logits, { to: elementTypes.f32 });
  graph.rename(last, logits);
  graph.rename(graph.node('Softmax', [logits], probabilities, { axis: 1 }), probabilities);
}
