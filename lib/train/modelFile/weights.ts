/** Makes a model file of a network, and reads the weights of another one for a network that is there already. */

import type { Statistics } from '../../data/statistics';
import { reasonOf } from '../../errors';
import type { NamedTensor, SafetensorsFile } from '../../files/safetensors';
import { openSafetensors, type TensorFile } from '../../files/tensorFile';
import type { Model } from '../../models/model';
import { formatNetwork } from '../../models/saved/form';
import { recordNetwork } from '../../models/saved/record';
import type { Parameter, State, StateBuffer } from '../../tensor/state';
import { fitOwnWeights, fitWeights } from '../../weights/fit';
import { isOwn } from '../../weights/own';
import { requireComplete, requireUsed } from '../../weights/report';
import { valuesOf } from '../../weights/values';
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
  for (const [part, data] of valuesFrom(openSafetensors(path), model)) await state.write(part, data);
}

/** Options of valuesFrom(). */
export interface ValuesOptions {
  /** Names of parameters that the file need not have, and whose values are not read. Default: none. */
  readonly without?: ReadonlySet<string>;
  /**
   * Whether the file must have no tensors that the model has no use for, other than those in place of what is left out. Default: they
   * are passed over.
   */
  readonly strict?: boolean;
}

/** Returns a file's values for the parts of a model, before any is used. @throws ERR_DATA that names what does not fit */
export function valuesFrom(
  file: TensorFile,
  model: Model,
  { without = new Set(), strict = false }: ValuesOptions = {},
): ReadonlyMap<Parameter | StateBuffer, Float32Array> {
  const parts = partsOf(model).filter(({ name }) => !without.has(name));
  const { matches, report } = isOwn(file) ? fitOwnWeights(parts, file.tensors) : fitWeights(parts, file.tensors);
  requireComplete(report, file.path);
  if (strict) requireUsed(report, file.path, without.size);
  return new Map(matches.map((match, index) => [parts[index]!, valuesOf(file, match)] as const));
}

const partsOf = ({ parameters, buffers = [] }: Model) => [...parameters, ...buffers];

const kindOf = ({ averageSlot }: State) => (averageSlot === null ? 'parameters' : 'averages');
