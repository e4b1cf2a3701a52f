/**
 * The form in which a model file holds a network: the forward pass of inference and that of training as lists of nodes, in JSON
 * values. It says nothing of the batch, so that the passes can be made for any.
 */
import { SaturnnError, show } from '../../errors';
import { arrayOf, custom, type Field, flag, integer, oneOf, optional, text } from '../../options/field';
import { Options } from '../../options/options';
import { isArray } from '../../options/values';
import { arrayDTypes } from '../../runtime/dtypes';
import type { ArrayDType } from '../../runtime/native';
import type { SavedOptions } from '../../tensor/tensor';

/** Version of the form. Another one is refused: what it means is not known here. */
export const savedVersion = 1;

/**
 * A tensor that a node reads: output 0 of an earlier node by its index in the list; [node, output] for another output; a
 * parameter or buffer by its name; null: an optional input that is absent.
 */
export type SavedReference = number | readonly [node: number, output: number] | string | null;

/** A size of a shape; "N" is the number of images. */
export type SavedSize = number | 'N';

/**
 * A node: an op with its inputs and the options of its function; or one of three sources: "input" with the name "images" or
 * "counter", and "constant", whose values are the tensor `tensor` of the file.
 */
export interface SavedNode {
  readonly op: string;
  /** Name of the layer. Absent: that of the op. */
  readonly name?: string;
  readonly inputs?: readonly SavedReference[];
  /** Absent: none. */
  readonly options?: SavedOptions;
  /** Shape of output 0. */
  readonly shape: readonly SavedSize[];
  /** Type of the elements of a constant. */
  readonly dtype?: ArrayDType;
  /** Name of the tensor that holds the values of a constant. */
  readonly tensor?: string;
}

/** A forward pass. */
export interface SavedPass {
  /** The nodes in the order in which they run; the first is the input "images". */
  readonly nodes: readonly SavedNode[];
  /** The result, [N, classes]. */
  readonly logits: SavedReference;
  /** The new value of each buffer that the pass changes (ForwardContext.remember). Absent: none. */
  readonly remember?: readonly { readonly buffer: string; readonly value: SavedReference }[];
}

/** A network. */
export interface SavedNetwork {
  readonly version: typeof savedVersion;
  /** The parameters in the order of the model; `decay`: whether weight decay applies. */
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[]; readonly decay: boolean }[];
  readonly buffers: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly inference: SavedPass;
  /** Absent: the same as that of inference. */
  readonly training?: SavedPass;
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;

const referenceField: Field<SavedReference> = custom(
  'a node (its index, or [index, output]), the name of a parameter or buffer, or null',
  (value) =>
    value === null ||
    typeof value === 'string' ||
    isCount(value) ||
    (isArray(value) && value.length === 2 && value.every(isCount)),
);

const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

/** Most numbers of a list among the options of a node. */
const mostNumbers = 16;

const isSetting = (value: unknown): boolean =>
  ['string', 'boolean'].includes(typeof value) ||
  isNumber(value) ||
  (isArray(value) && value.length <= mostNumbers && value.every(isNumber));

const settingsField: Field<SavedOptions> = custom(
  'an object of words, numbers and lists of numbers',
  (value) => typeof value === 'object' && value !== null && !isArray(value) && Object.values(value).every(isSetting),
);

const isShape = (value: unknown, isSize: (size: unknown) => boolean): boolean =>
  isArray(value) && value.length >= 1 && value.length <= 4 && value.every(isSize);
const isSize = (size: unknown): boolean => Number.isInteger(size) && (size as number) > 0;

const shapeField: Field<readonly number[]> = custom('1 to 4 positive integers', (value) => isShape(value, isSize));
const batchShapeField: Field<readonly SavedSize[]> = custom('1 to 4 positive integers or "N"', (value) =>
  isShape(value, (size) => size === 'N' || isSize(size)),
);

const nodeField = new Options<SavedNode>('a node', {
  op: text,
  name: optional(text),
  inputs: optional(arrayOf(referenceField)),
  options: optional(settingsField),
  shape: batchShapeField,
  dtype: optional(oneOf(arrayDTypes)),
  tensor: optional(text),
}).nested();

const passField = new Options<SavedPass>('a pass', {
  nodes: arrayOf(nodeField),
  logits: referenceField,
  remember: optional(
    arrayOf(
      new Options<{ buffer: string; value: SavedReference }>('an element of remember', {
        buffer: text,
        value: referenceField,
      }).nested(),
    ),
  ),
}).nested();

const networkForm = new Options<SavedNetwork>(
  'the graph',
  {
    version: integer(savedVersion, savedVersion) as Field<typeof savedVersion>,
    parameters: arrayOf(
      new Options<SavedNetwork['parameters'][number]>('a parameter', {
        name: text,
        shape: shapeField,
        decay: flag,
      }).nested(),
    ),
    buffers: arrayOf(
      new Options<SavedNetwork['buffers'][number]>('a buffer', { name: text, shape: shapeField }).nested(),
    ),
    inference: passField,
    training: optional(passField),
  },
  { argument: 'the graph' },
);

/** Checks the form of a network in JSON values. @throws ERR_DATA for another version; ERR_INVALID_ARGUMENT for another form */
export function checkForm(value: unknown): SavedNetwork {
  const version = (value as Partial<SavedNetwork> | null)?.version;
  if (version !== savedVersion) {
    const remedy = Number(version) > savedVersion ? ': a newer version of saturnn has written it' : '';
    throw new SaturnnError(
      'ERR_DATA',
      `its graph has version ${show(version)}, and this reads ${savedVersion}${remedy}`,
    );
  }
  return networkForm.check(value);
}

/** Returns the JSON text of a network, with a line for each parameter, buffer and node, so that people can read it. */
export function formatNetwork({ version, parameters, buffers, inference, training }: SavedNetwork): string {
  const lines = (list: readonly unknown[]) => `[\n${list.map((item) => JSON.stringify(item)).join(',\n')}\n]`;
  const pass = ({ nodes, logits, remember = [] }: SavedPass) =>
    `{"nodes":${lines(nodes)},\n"logits":${JSON.stringify(logits)},\n"remember":${lines(remember)}}`;
  const parts = [
    `{"version":${version}`,
    `"parameters":${lines(parameters)}`,
    `"buffers":${lines(buffers)}`,
    `"inference":${pass(inference)}`,
    ...(training ? [`"training":${pass(training)}`] : []),
  ];
  return `${parts.join(',\n')}}`;
}
