/** Reads a model file: the network that it holds, with its weights, and what it says of it. */
import type { PictureDecoding } from '../../data/pictures/fit';
import type { Statistics } from '../../data/statistics';
import { SaturnnError, show } from '../../errors';
import { parseJson } from '../../files/json';
import { readSafetensors, type SafetensorsFile } from '../../files/safetensors';
import { defaultInitializer, zeros } from '../../layers/initializers';
import { createModel, type Model, models } from '../../models';
import { headOf } from '../../models/head';
import { checkForm, type SavedNetwork } from '../../models/saved/form';
import { withClasses } from '../../models/saved/newHead';
import { type RebuiltModel, rebuildNetwork, type SavedValues } from '../../models/saved/rebuild';
import { recordNetwork } from '../../models/saved/record';
import { pathField } from '../../options/field';
import { checkArgument } from '../../options/options';
import { isOwn } from '../../weights/own';
import { inFloat32 } from '../../weights/values';
import type { ModelCard } from './card';
import { cardIn, type Metadata, modelOptionsOf, namesOf, statisticsIn, trainedOn } from './description';

/** The result of loadModel(). */
export interface LoadedModel {
  /**
   * The network. A State or Trainer that is made of it begins with the weights and running statistics of the file. It belongs to one
   * State at most, as every Model: load it again for another.
   */
  readonly model: Model & Required<Pick<Model, 'buffers'>>;
  /** Mean and scale of the pixels of the training's images, which normalise every image, and their shape. */
  readonly statistics: Statistics;
  /** One name per class; null if they are not known. */
  readonly classNames: readonly string[] | null;
  /** How pictures were brought to the shape of the images; null if it is not known. */
  readonly decoding: PictureDecoding | null;
  /** Where the weights come from: data, settings, metrics; null in files of earlier versions. */
  readonly card: ModelCard | null;
}

/**
 * Reads model.safetensors, which `saturnn train` and Trainer.saveWeights() write, and makes the network that it holds: the file has
 * its graph, so that no code of the network is needed. Files of earlier versions have none; they are read if they hold one of the
 * built-in models.
 * @throws ERR_INVALID_ARGUMENT for a path that is none; ERR_DATA, naming what is wrong, if the file cannot be read, is damaged, has a
 * graph of a later version or with unknown ops, or its tensors do not fit the graph; ERR_OUT_OF_MEMORY
 */
export async function loadModel(path: string): Promise<LoadedModel> {
  checkArgument('path', pathField, path);
  return modelOf(readSafetensors(path), path);
}

/** Another last layer for a network. */
export interface HeadOptions {
  /** The number of its classes, or of other outputs: 1 to 1,000,000. */
  classes: number;
}

/**
 * Returns the network of a file. Its parameters take their first values from `file.tensors`, when they are asked for.
 * @param source names the file in errors
 * @param head gives the network a new last layer of random weights, with other classes; then `classNames` are still those of the file.
 * Default: the network is as in the file
 * @throws ERR_DATA
 */
export function modelOf(
  { tensors: stored, metadata }: SafetensorsFile,
  source: string,
  head: HeadOptions | null = null,
): LoadedModel {
  try {
    if (!isOwn({ tensors: stored, metadata })) {
      throw new Error(
        'it is not a file of saturnn. Of weights of PyTorch, `saturnn convert` or convertWeights() makes one',
      );
    }
    const tensors = inFloat32(stored);
    const network = networkIn(metadata);
    const names = namesOf(metadata);
    const model = { ...names, ...rebuildNetwork(network, tensors) };
    return {
      model: head ? { ...names, ...withNewHead(model, network, tensors, head) } : model,
      statistics: statisticsIn(metadata),
      ...trainedOn(metadata, model.classes),
      card: cardIn(metadata),
    };
  } catch (error) {
    if (error instanceof SaturnnError && error.code === 'ERR_OUT_OF_MEMORY') throw error;
    throw new SaturnnError('ERR_DATA', `${source} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

/** Returns the network that a file holds, or the built-in one that a file without a graph describes. */
function networkIn(metadata: Metadata): SavedNetwork {
  const { graph, model: name = '', graphMissing } = metadata;
  if (graph !== undefined) return checkForm(parseJson(graph));
  if (!Object.hasOwn(models, name)) {
    const why = graphMissing === undefined ? 'it is of an earlier version' : graphMissing;
    const known = Object.keys(models).join(', ');
    throw new Error(`it has no graph (${why}), and its model is not one of ${known} but ${show(name)}`);
  }
  // A built-in model has no constants, so the record of its network is complete without values.
  return recordNetwork(createModel(name, modelOptionsOf(metadata))).network;
}

/** Makes the network again with a new last layer: weights as those of a new Linear, biases of 0. */
function withNewHead(
  model: LoadedModel['model'],
  network: SavedNetwork,
  tensors: ReadonlyMap<string, SavedValues>,
  { classes }: HeadOptions,
): RebuiltModel {
  const head = [...headOf(model)];
  const fresh = head.map(({ name, shape }) => [name, shape.length > 1 ? defaultInitializer() : zeros] as const);
  const names = new Set(head.map(({ name }) => name));
  return rebuildNetwork(withClasses(network, names, classes), tensors, new Map(fresh));
}
