/** Reads a model file: the network that it holds, with its weights, and what it says of it. */
import type { PictureDecoding } from '../../data/pictures/fit';
import type { Statistics } from '../../data/statistics';
import { SaturnnError, show } from '../../errors';
import { parseJson } from '../../files/json';
import { readSafetensors, type SafetensorsFile } from '../../files/safetensors';
import { createModel, type Model, models } from '../../models';
import { checkForm } from '../../models/saved/form';
import { rebuildNetwork, type SavedValues } from '../../models/saved/rebuild';
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

/**
 * Returns the network of a file. Its parameters take their first values from `file.tensors`, when they are asked for.
 * @param source names the file in errors
 * @throws ERR_DATA
 */
export function modelOf({ tensors: stored, metadata }: SafetensorsFile, source: string): LoadedModel {
  try {
    if (!isOwn({ tensors: stored, metadata })) {
      throw new Error(
        'it is not a file of saturnn. Of weights of PyTorch, `saturnn convert` or convertWeights() makes one',
      );
    }
    const tensors = inFloat32(stored);
    const model = metadata.graph === undefined ? describedModel(metadata, tensors) : savedModel(metadata, tensors);
    return {
      model,
      statistics: statisticsIn(metadata),
      ...trainedOn(metadata, model.classes),
      card: cardIn(metadata),
    };
  } catch (error) {
    if (error instanceof SaturnnError && error.code === 'ERR_OUT_OF_MEMORY') throw error;
    throw new SaturnnError('ERR_DATA', `${source} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

type Tensors = ReadonlyMap<string, SavedValues>;

function savedModel(metadata: Metadata, tensors: Tensors): LoadedModel['model'] {
  return { ...namesOf(metadata), ...rebuildNetwork(checkForm(parseJson(metadata.graph as string)), tensors) };
}

/** Makes the built-in model that a file without a graph describes. */
function describedModel(metadata: Metadata, tensors: Tensors): LoadedModel['model'] {
  const { model: name = '', graphMissing } = metadata;
  if (!Object.hasOwn(models, name)) {
    const why = graphMissing === undefined ? 'it is of an earlier version' : graphMissing;
    const known = Object.keys(models).join(', ');
    throw new Error(`it has no graph (${why}), and its model is not one of ${known} but ${show(name)}`);
  }
  // A built-in model has no constants, so the record of its network is complete without values.
  const { network } = recordNetwork(createModel(name, modelOptionsOf(metadata)));
  return { ...namesOf(metadata), ...rebuildNetwork(network, tensors) };
}
