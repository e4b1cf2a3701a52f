/** Makes a safetensors file of a model's weights, for other programs: parameters and running statistics by name, as float32. */
import type { ImageSource } from '../../data/source';
import type { Statistics } from '../../data/statistics';
import { SaturnnError } from '../../errors';
import { type NamedTensor, readSafetensors, type SafetensorsFile } from '../../files/safetensors';
import { formatImageSize } from '../../models/imageSize';
import type { Model } from '../../models/model';
import { formatActivation } from '../../ops/activation';
import type { Parameter, State, StateBuffer } from '../../tensor/state';

/** What a file of weights says of the data that a network was trained on. */
export type TrainedOn = Pick<ImageSource, 'classNames' | 'decoding'>;

/**
 * Returns the present weights (their averages, if the State keeps them) and running statistics by name. The metadata say how to
 * make the model again and how to normalise its images; the names of its classes, and how pictures become its images, if `data` knows.
 */
export async function collectWeights(
  model: Model,
  state: State,
  statistics: Statistics,
  data?: TrainedOn,
): Promise<SafetensorsFile> {
  const tensors = new Map<string, NamedTensor>();
  for (const part of partsOf(model)) {
    tensors.set(part.name, { shape: part.shape, data: await state.read(part, kindOf(state)) });
  }
  return { tensors, metadata: metadataOf(model, statistics, data) };
}

/**
 * Returns the values that a file has for every parameter and buffer of a model.
 * @param fail makes the error from what is wrong
 * @throws the error of `fail` if a tensor is missing or has another type or shape: before anything is allocated, because the sizes in
 * a damaged or hostile file may be huge
 */
export function valuesFrom(
  { tensors }: SafetensorsFile,
  model: Model,
  fail: (what: string) => SaturnnError,
): (readonly [Parameter | StateBuffer, Float32Array])[] {
  return partsOf(model).map((part) => {
    const tensor = tensors.get(part.name);
    if (!(tensor?.data instanceof Float32Array)) throw fail(`it has no F32 tensor "${part.name}"`);
    if (String(tensor.shape) !== String(part.shape))
      throw fail(`expected shape [${part.shape}] for "${part.name}" but received [${tensor.shape}]`);
    return [part, tensor.data] as const;
  });
}

/** Sets the parameters and buffers of a State to those of a file. @throws ERR_DATA if the file does not fit the model */
export async function loadWeights(path: string, model: Model, state: State): Promise<void> {
  const fail = (what: string) => new SaturnnError('ERR_DATA', `${path} cannot be used: ${what}`);
  const values = valuesFrom(readSafetensors(path), model, fail);
  for (const [part, data] of values) await state.write(part, data);
}

const partsOf = ({ parameters, buffers = [] }: Model) => [...parameters, ...buffers];

const kindOf = ({ averageSlot }: State) => (averageSlot === null ? 'parameters' : 'averages');

/** Returns the same file as collectWeights(), but from the arenas of a checkpoint. */
export function weightsOf(
  model: Model,
  state: State,
  statistics: Statistics,
  data: TrainedOn | undefined,
  arrays: ReadonlyMap<string, Uint8Array>,
): SafetensorsFile {
  const tensors = new Map<string, NamedTensor>();
  for (const part of partsOf(model)) {
    const { arena, byteOffset, byteLength } = state.placeOf(part, kindOf(state));
    const bytes = new Uint8Array(arrays.get(arena)!.subarray(byteOffset, byteOffset + byteLength));
    tensors.set(part.name, { shape: part.shape, data: new Float32Array(bytes.buffer) });
  }
  return { tensors, metadata: metadataOf(model, statistics, data) };
}

function metadataOf(
  model: Model,
  { mean, meanShape, scale, imageShape }: Statistics,
  { classNames = null, decoding = null }: Partial<TrainedOn> = {},
): Record<string, string> {
  return {
    model: model.name,
    width: String(model.width),
    classes: String(model.classes),
    activation: formatActivation(model.activation),
    normalization: model.normalization ?? 'none',
    size: formatImageSize(model.inputShape),
    channels: String(model.inputShape[2]),
    mean: JSON.stringify([...mean]),
    meanShape: JSON.stringify(meanShape),
    scale: JSON.stringify([...scale]),
    ...(imageShape && { imageShape: JSON.stringify(imageShape) }),
    ...(classNames?.length === model.classes && { classNames: JSON.stringify(classNames) }),
    ...(decoding && { fit: decoding.fit, background: JSON.stringify(decoding.background) }),
  };
}
