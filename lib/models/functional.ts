import { reachable } from '../compile/graph';
import { checkInteger, invalid } from '../errors';
import { contextOf, type ForwardContext, inference, TrainingContext, within } from '../layers/context';
import { activationField, encodeActivation } from '../ops/activation';
import { type Activation, leakyTanh } from '../ops/activations';
import { anyArray, callback, integer, optional, text } from '../options/field';
import { Options } from '../options/options';
import { isArray } from '../options/values';
import { Parameter, StateBuffer } from '../tensor/state';
import { input, Tensor } from '../tensor/tensor';
import { classesRange, type Model } from './model';

/** Options of functionalModel(). */
export interface FunctionalModelOptions {
  /** Every parameter that `forward` uses, listed once. A layer's are `layer.parameters`. */
  parameters: readonly Parameter[];
  /** Every buffer (running statistics) that `forward` reads or changes. A layer's are `layer.buffers`. Default: none. */
  buffers?: readonly StateBuffer[];
  /** Shape of one image: [height, width, channels], each 1 to 65536. */
  inputShape: readonly [number, number, number];
  /** The number of classes, or of other outputs: 1 to 1,000,000. */
  classes: number;
  /**
   * Computes logits [N, classes] from images [N, height, width, channels]. It is called once per graph, with symbolic tensors,
   * for several N. Layers find `context` by themselves; it is for functions that differ between training and inference.
   */
  forward: (x: Tensor, context: ForwardContext) => Tensor;
  /** Name in reports; default 'custom'. */
  name?: string;
  /** Activation that reports show; it does not change the network. Default leakyTanh(0.25). */
  activation?: Activation;
}

const functionalOptions = new Options<FunctionalModelOptions>('functionalModel()', {
  parameters: anyArray('an array of Parameters'),
  buffers: optional(anyArray<readonly StateBuffer[]>('an array of StateBuffers')),
  inputShape: anyArray('[height, width, channels]'),
  classes: integer(...classesRange),
  forward: callback(),
  name: optional(text),
  activation: optional(activationField),
});

/**
 * Makes a Model, as a Trainer needs it, from a forward pass that is written as a plain function.
 * @throws ERR_INVALID_ARGUMENT, also if `forward` does not return logits, uses a parameter or buffer that is not listed, or does
 * not use a listed parameter; whatever `forward` throws
 */
export function functionalModel(options: FunctionalModelOptions): Model {
  const { name = 'custom', activation = leakyTanh(), classes, ...parts } = functionalOptions.check(options);
  const { parameters, buffers = [], inputShape, forward } = parts;
  checkParts('parameters', parameters, Parameter);
  checkParts('buffers', buffers, StateBuffer);
  if (parameters.length === 0) throw invalid('parameters', 'at least one Parameter', parameters);
  if (inputShape.length !== 3) throw invalid('inputShape', '[height, width, channels]', inputShape);
  inputShape.forEach((size, index) => {
    checkInteger(`inputShape[${index}]`, size, 1, 65536);
  });
  encodeActivation(activation);
  const model: Model = {
    name,
    width: 1,
    classes,
    activation,
    inputShape: [inputShape[0], inputShape[1], inputShape[2]],
    parameters: [...parameters],
    buffers: [...buffers],
    forward: (x, given) => {
      const context = contextOf(given);
      return within(context, () => forward(x, context));
    },
  };
  // Checked here, near the cause of an error, and not in the first step of a training.
  checkForward(model, inference);
  checkForward(model, new TrainingContext(input('counter', [2], { dtype: 'i32' })));
  return model;
}

function checkParts(
  argument: string,
  parts: readonly (Parameter | StateBuffer)[],
  kind: typeof Parameter | typeof StateBuffer,
): void {
  if (!isArray(parts)) throw invalid(argument, `an array of ${kind.name}s`, parts);
  const names = new Set<string>();
  for (const part of parts) {
    if (!(part instanceof kind)) throw invalid(argument, `${kind.name}s`, part);
    if (names.has(part.name)) throw invalid(argument, 'different names', part.name);
    names.add(part.name);
  }
}

/** Makes the graph of one forward pass and checks its result and its parameters and buffers. @throws ERR_INVALID_ARGUMENT */
function checkForward(
  { inputShape, classes, parameters, buffers = [], forward }: Model,
  context: ForwardContext,
): void {
  const batch = 2;
  const logits = forward(input('images', [batch, ...inputShape]), context);
  if (!(logits instanceof Tensor)) throw invalid('the result of forward', 'a Tensor', logits);
  const [rows, columns, ...rest] = logits.shape;
  if (rows !== batch || columns !== classes || rest.length > 0 || logits.dtype !== 'f32')
    throw invalid('the result of forward', `logits [${batch}, ${classes}] for ${batch} images`, [...logits.shape]);
  const used = new Set([...reachable([logits.node])].flatMap(({ outputs }) => outputs));
  const known = new Set<Tensor>([...parameters, ...buffers]);
  for (const tensor of used) {
    if ((tensor instanceof Parameter || tensor instanceof StateBuffer) && !known.has(tensor)) {
      const list = tensor instanceof Parameter ? 'parameters' : 'buffers';
      throw invalid(
        list,
        `everything that forward uses, also "${tensor.name}",`,
        [...known].map(({ node }) => node.name),
      );
    }
  }
  const unused = parameters.find((parameter) => !used.has(parameter));
  if (unused) throw invalid('parameters', 'only what forward uses', unused.name);
}
