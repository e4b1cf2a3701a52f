/** Makes a model file of a network, and reads the weights of another one for a network that is there already. */

import type { Statistics } from '../../data/statistics';
import { reasonOf, SaturnnError } from '../../errors';
import { type NamedTensor, readSafetensors, type SafetensorsFile } from '../../files/safetensors';
import { openSafetensors, type TensorFile } from '../../files/tensorFile';
import type { Model } from '../../models/model';
import { formatNetwork } from '../../models/saved/form';
import { floatsOf } from '../../models/saved/rebuild';
import { recordNetwork } from '../../models/saved/record';
import type { Parameter, State, StateBuffer } from '../../tensor/state';
import { fitWeights } from '../../weights/fit';
import { isOwn } from '../../weights/own';
import { requireComplete } from '../../weights/report';
import { inFloat32, valuesOf } from '../../weights/values';
import type { ModelCard } from './card';
import { describeNetwork, type TrainedOn } from './description';

/** The contents of a model file beside the weights. */
export interface FileParts {
  readonly model: Model;
  /** Normalisation of the images. */
  readonly statistics: Statistics;
  /** Names of the classes, and how pictures become images. Default: neither is known. */
  readonly data?: Partial<TrainedOn> | undefined;
  /** Default: none. */
  readonly card?: ModelCard | undefined;
}

/** Returns a model file with the present weights (their averages, if the State keeps them) and running statistics. */
export async function collectWeights(parts: FileParts, state: State): Promise<SafetensorsFile> {
  const tensors = new Map<string, NamedTensor>();
  for (const part of partsOf(parts.model)) {
    tensors.set(part.name, { shape: part.shape, data: await state.read(part, kindOf(state)) });
  }
  return fileOf(parts, tensors);
}

/** Returns the same file as collectWeights(), but from the arenas of a checkpoint. */
export function weightsOf(parts: FileParts, state: State, arrays: ReadonlyMap<string, Uint8Array>): SafetensorsFile {
  const tensors = new Map<string, NamedTensor>();
  for (const part of partsOf(parts.model)) {
    const { arena, byteOffset, byteLength } = state.placeOf(part, kindOf(state));
    const bytes = new Uint8Array(arrays.get(arena)!.subarray(byteOffset, byteOffset + byteLength));
    tensors.set(part.name, { shape: part.shape, data: new Float32Array(bytes.buffer) });
  }
  return fileOf(parts, tensors);
}

/** Most characters of a graph, of which the header of a file must have room for more. */
const longestGraph = 2 ** 22;

/** Returns a model file of tensors by name, which get the graph's constants too. */
export function fileOf(
  { model, statistics, data, card }: FileParts,
  tensors: Map<string, NamedTensor>,
): SafetensorsFile {
  const { graph, constants } = graphOf(model);
  for (const [name, values] of constants) tensors.set(name, values);
  const metadata = {
    ...describeNetwork(model, statistics, data),
    ...graph,
    ...(card && { card: JSON.stringify(card) }),
  };
  return { tensors, metadata };
}

/**
 * Returns a model's graph as metadata, and its constants. A network that no file can hold has the reason in its place: its weights,
 * which may have cost days, are written all the same.
 */
function graphOf(model: Model): { graph: Record<string, string>; constants: ReadonlyMap<string, NamedTensor> } {
  try {
    const { network, constants } = recordNetwork(model);
    const graph = formatNetwork(network);
    if (graph.length > longestGraph) throw new Error(`its graph has more than ${longestGraph} characters`);
    return { graph: { graph }, constants };
  } catch (error) {
    return { graph: { graphMissing: reasonOf(error) }, constants: new Map() };
  }
}

/**
 * Sets the parameters and buffers of a State to those of a file of saturnn, or of one of PyTorch with the names of a module of the same
 * structure.
 * @throws ERR_DATA if the file does not fit the model
 */
export async function loadWeights(path: string, model: Model, state: State): Promise<void> {
  const file = openSafetensors(path);
  const values = isOwn(file) ? valuesFor(path, readSafetensors(file.path).tensors, model) : foreignValues(file, model);
  for (const [part, data] of values) await state.write(part, data);
}

/** Returns the values of all parts of a model from a file of PyTorch. @throws ERR_DATA */
function foreignValues(file: TensorFile, model: Model): (readonly [Parameter | StateBuffer, Float32Array])[] {
  const parts = partsOf(model);
  const { matches, report } = fitWeights(parts, file.tensors);
  requireComplete(report, file.path);
  return matches.map((match, index) => [parts[index]!, valuesOf(file, match)] as const);
}

/** Returns the values of all parts of a model, before any is used. @throws ERR_DATA */
function valuesFor(
  path: string,
  tensors: SafetensorsFile['tensors'],
  model: Model,
): (readonly [Parameter | StateBuffer, Float32Array])[] {
  try {
    const parts = partsOf(model);
    const used = new Set(parts.map(({ name }) => name));
    const floats = inFloat32(tensors);
    return parts.map((part) => [part, floatsOf(floats, part.name, part.shape, used)] as const);
  } catch (error) {
    throw new SaturnnError('ERR_DATA', `${path} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

const partsOf = ({ parameters, buffers = [] }: Model) => [...parameters, ...buffers];

const kindOf = ({ averageSlot }: State) => (averageSlot === null ? 'parameters' : 'averages');
