import { reachable } from '../compile/graph';
import { checkInteger, checkOptions, invalid } from '../errors';
import { type ForwardContext, inference, TrainingContext } from '../layers/context';
import { encodeActivation } from '../ops/activation';
import { type Activation, leakyTanh } from '../ops/activations';
import { input, Parameter, StateBuffer, Tensor } from '../tensor/tensor';
import type { Model } from './model';

export interface FunctionalModelOptions {
  /** All that `forward` uses, each once. Those of layers: `layer.parameters`. */
  parameters: readonly Parameter[];
  /** Running statistics that `forward` reads or remembers. Those of layers: `layer.buffers`. Default: none. */
  buffers?: readonly StateBuffer[];
  /** Height, width, channels of the images. */
  inputShape: readonly [number, number, number];
  classes: number;
  /**
   * Images [N, height, width, channels] -> logits [N, classes]. Called once per graph, with symbolic tensors, for several N. Pass
   * `context` on to layers that need it (BatchNorm, Dropout, Sequential).
   */
  forward: (x: Tensor, context: ForwardContext) => Tensor;
  /** For reports; default 'custom'. */
  name?: string;
  /** For reports; it changes nothing. Default leakyTanh(0.25). */
  activation?: Activation;
}

/**
 * A network as a plain function, made into a Model that a Trainer takes.
 * @throws ERR_INVALID_ARGUMENT: also where `forward` gives other than logits, or uses what was not listed, or does not
 * use what was; what `forward` throws
 */
export function functionalModel(options: FunctionalModelOptions): Model {
  checkOptions('{ parameters, inputShape, classes, forward }', options);
  const { parameters, buffers = [], inputShape, forward } = options;
  const { name = 'custom', activation = leakyTanh() } = options;
  checkParts('parameters', parameters, Parameter);
  checkParts('buffers', buffers, StateBuffer);
  if (parameters.length === 0) throw invalid('parameters', 'at least one Parameter', parameters);
  if (!Array.isArray(inputShape) || inputShape.length !== 3)
    throw invalid('inputShape', '[height, width, channels]', inputShape);
  inputShape.forEach((size, index) => {
    checkInteger(`inputShape[${index}]`, size, 1, 65536);
  });
  const classes = checkInteger('classes', options.classes, 2, 1_000_000);
  if (typeof forward !== 'function') throw invalid('forward', 'a function', forward);
  if (typeof name !== 'string') throw invalid('name', 'a string', name);
  encodeActivation(activation);
  const model: Model = {
    name,
    width: 1,
    classes,
    activation,
    inputShape: [inputShape[0], inputShape[1], inputShape[2]],
    parameters: [...parameters],
    buffers: [...buffers],
    forward: (x, context = inference) => forward(x, context),
  };
  // Now, where the error is near its cause, and not in the first step of a training.
  checkForward(model, inference);
  checkForward(model, new TrainingContext(input('counter', [2], { dtype: 'i32' })));
  return model;
}

function checkParts(
  argument: string,
  parts: readonly (Parameter | StateBuffer)[],
  kind: typeof Parameter | typeof StateBuffer,
): void {
  if (!Array.isArray(parts)) throw invalid(argument, `an array of ${kind.name}s`, parts);
  const names = new Set<string>();
  for (const part of parts) {
    if (!(part instanceof kind)) throw invalid(argument, `${kind.name}s`, part);
    if (names.has(part.name)) throw invalid(argument, 'different names', part.name);
    names.add(part.name);
  }
}

/** One forward pass, of tensors without values. */
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
        `everything that forward uses, "${tensor.name}" too,`,
        [...known].map(({ node }) => node.name),
      );
    }
  }
  const unused = parameters.find((parameter) => !used.has(parameter));
  if (unused) throw invalid('parameters', 'only what forward uses', unused.name);
}
