/**
 * The description of a training step that two processes are to time: files with weights and data, the rest as one line of
 * JSON.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Model } from '../../lib/models';
import { defaultsOf } from '../../lib/models/defaults';
import { formatActivation } from '../../lib/ops/activation';
import type { Precision } from '../../lib/runtime/device';
import { sizeOf } from '../../lib/tensor/tensor';
import { naturalNames } from '../../lib/weights/natural';
import { type ComparedData, type ComparedStep, drawData, modelOf, recipe } from '../step';

/** A layer or block as test/pytorch/network.py names them: a convolution, or an Inception block of type A or B. */
export type NetworkRow =
  | { readonly kind: 'conv' | 'b'; readonly name: string }
  | { readonly kind: 'a'; readonly name: string; readonly pool: 'average' | 'max' };

export interface SetUp {
  /** Path of the weights of all parameters, in order, as little-endian f32. */
  readonly weights: string;
  /** Path of the images [batch, size, size, 3], as little-endian f32. */
  readonly images: string;
  /** Path of the labels [batch], as little-endian i32. */
  readonly labels: string;
  readonly parameters: readonly (readonly [name: string, shape: readonly number[]])[];
  /** The layers, as test/pytorch/network.py names them; empty for a network of torchvision's. */
  readonly network: readonly NetworkRow[];
  /** Names of the parameters in torchvision's network, in their order; null for a network that torchvision does not have. */
  readonly torchNames: readonly string[] | null;
  readonly model: string;
  readonly width: number;
  /** The activation as parseActivation reads it; `activation` and `slope` are the same, taken apart. */
  readonly activationText: string;
  readonly activation: string;
  readonly slope: number;
  readonly batch: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
  readonly dropout: number;
  readonly precision: Precision;
  readonly threads: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Whether PyTorch should try torch.compile. */
  readonly compile: boolean;
  /** Whether PyTorch keeps images and weights as saturnn does, with the channels last. */
  readonly channelsLast: boolean;
}

/** Names of the models whose layers test/pytorch/network.py has. */
export const comparable = ['subInception', 'inception33'];

/** Names of the models that torchvision has, too. */
export const inTorchvision = ['resnet18', 'mobilenetV2'];

const bytesOf = (values: Float32Array | Int32Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Names of the A blocks with max pooling; all others pool averages. */
const maxPooled = new Set(['5b']);

/**
 * Lists the layers of a model in order, from the names of its parameters: "conv1/weight" belongs to a convolution,
 * "3a/1x1/weight" to a block, which is of type A if it has a part "1x1", else B. The classifier is left out.
 */
export function describeNetwork({ parameters }: Model): NetworkRow[] {
  const names = parameters.map(({ name }) => name.split('/').slice(0, -1));
  const parts = new Map<string, string[]>();
  for (const [layer = '', part] of names) parts.set(layer, [...(parts.get(layer) ?? []), ...(part ? [part] : [])]);
  parts.delete('classifier');
  return [...parts].map(([name, block]) => {
    if (block.length === 0) return { kind: 'conv', name };
    return block.includes('1x1')
      ? { kind: 'a', name, pool: maxPooled.has(name) ? 'max' : 'average' }
      : { kind: 'b', name };
  });
}

/** Writes the files of a set-up into a temporary folder, which `remove` deletes. */
export function writeSetUp(
  options: ComparedStep,
  more: { readonly threads: number; readonly compile: boolean },
): { setup: SetUp; remove: () => void } {
  const model = modelOf(options);
  const data = drawData(model, options.batch);
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-compare-'));
  const file = (name: string, arrays: readonly (Float32Array | Int32Array)[]) => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.concat(arrays.map(bytesOf)));
    return path;
  };
  const { kind, slope } = options.activation;
  const isTheirs = inTorchvision.includes(options.model);
  const names = model.parameters.map(({ name }) => name);
  const nameOf = naturalNames(new Set([...names, ...(model.buffers ?? []).map(({ name }) => name)]));
  const setup: SetUp = {
    weights: file('weights.f32', data.weights),
    images: file('images.f32', [data.images]),
    labels: file('labels.i32', [data.labels]),
    parameters: model.parameters.map(({ name, shape }) => [name, shape]),
    network: isTheirs ? [] : describeNetwork(model),
    torchNames: isTheirs ? names.map((name) => nameOf(name)[0]!) : null,
    model: options.model,
    width: options.width,
    activationText: formatActivation(options.activation),
    activation: kind,
    slope,
    batch: options.batch,
    size: model.inputShape[0],
    classes: model.classes,
    dropout: options.dropout ?? defaultsOf(options.model).dropout,
    precision: options.precision,
    channelsLast: true,
    ...recipe,
    ...more,
  };
  return { setup, remove: () => rmSync(folder, { recursive: true }) };
}

/** Reads the files of a set-up. */
export function readData({ weights, images, labels, parameters }: SetUp): ComparedData {
  const bytes = (path: string) => Uint8Array.from(readFileSync(path)).buffer;
  const flat = new Float32Array(bytes(weights));
  let begin = 0;
  const values = parameters.map(([, shape]) => {
    const end = begin + sizeOf(shape);
    const own = flat.slice(begin, end);
    begin = end;
    return own;
  });
  return { weights: values, images: new Float32Array(bytes(images)), labels: new Int32Array(bytes(labels)) };
}
