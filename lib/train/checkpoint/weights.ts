/** Makes a safetensors file of a model's weights, for other programs: parameters and running statistics by name, as float32. */
import type { Statistics } from '../../data/statistics';
import type { NamedTensor, SafetensorsFile } from '../../files/safetensors';
import type { Model } from '../../models/model';
import { formatActivation } from '../../ops/activation';
import type { State } from '../../tensor/state';

/**
 * Returns the present weights (their averages, if the State keeps them) and running statistics by name. The metadata say how to
 * make the model again and how to normalise its images.
 */
export async function collectWeights(model: Model, state: State, statistics: Statistics): Promise<SafetensorsFile> {
  const tensors = new Map<string, NamedTensor>();
  for (const part of partsOf(model)) {
    tensors.set(part.name, { shape: part.shape, data: await state.read(part, kindOf(state)) });
  }
  return { tensors, metadata: metadataOf(model, statistics) };
}

const partsOf = ({ parameters, buffers = [] }: Model) => [...parameters, ...buffers];

const kindOf = ({ averageSlot }: State) => (averageSlot === null ? 'parameters' : 'averages');

/** Returns the same file as collectWeights(), but from the arenas of a checkpoint. */
export function weightsOf(
  model: Model,
  state: State,
  statistics: Statistics,
  arrays: ReadonlyMap<string, Uint8Array>,
): SafetensorsFile {
  const tensors = new Map<string, NamedTensor>();
  for (const part of partsOf(model)) {
    const { arena, byteOffset, byteLength } = state.placeOf(part, kindOf(state));
    const bytes = new Uint8Array(arrays.get(arena)!.subarray(byteOffset, byteOffset + byteLength));
    tensors.set(part.name, { shape: part.shape, data: new Float32Array(bytes.buffer) });
  }
  return { tensors, metadata: metadataOf(model, statistics) };
}

function metadataOf(model: Model, { mean, meanShape, scale, imageShape }: Statistics): Record<string, string> {
  return {
    model: model.name,
    width: String(model.width),
    classes: String(model.classes),
    activation: formatActivation(model.activation),
    normalization: model.normalization ?? 'none',
    size: String(model.inputShape[0]),
    mean: JSON.stringify([...mean]),
    meanShape: JSON.stringify(meanShape),
    scale: JSON.stringify([...scale]),
    ...(imageShape && { imageShape: JSON.stringify(imageShape) }),
  };
}
