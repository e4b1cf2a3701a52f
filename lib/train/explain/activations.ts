/** Reads what the layers of a network compute of images: Predictor.activations(). */
import type { ImageSource } from '../../data/source';
import { invalid } from '../../errors';
import type { Model } from '../../models/model';
import { arrayOf, integer, optional, signal, text } from '../../options/field';
import { Options } from '../../options/options';
import { sizeOf } from '../../tensor/tensor';
import { collect } from '../predict/collect';
import type { PredictionPlans } from '../predict/plans';
import { activationsLook, outputName } from './graphs';
import { layersNamed } from './layers';

/** Options of Predictor.activations(). */
export interface ActivationsOptions {
  /** Names of layers, as inspectModel() and `saturnn inspect` have them: ["conv1", "3a"]. At least one, each once. */
  layers: readonly string[];
  /** The number of images in an array of bytes, which has no shape of its own; default 1. For an ImageSource, its count. */
  count?: number;
  /** When it is aborted, activations() throws its reason after the native call under way (about a second). */
  signal?: AbortSignal;
}

export const activationsOptions = new Options<ActivationsOptions>('Predictor.activations()', {
  layers: arrayOf(text, 'an array of names of layers'),
  count: optional(integer(1)),
  signal: optional(signal),
});

/** The output of a layer for some images. */
export interface LayerActivations {
  /** [count, height, width, channels] or [count, features]. */
  readonly shape: readonly number[];
  /** The values, row-major. */
  readonly values: Float32Array;
}

/** A Predictor as far as it is looked into. */
export interface LookedInto {
  readonly model: Model;
  readonly plans: PredictionPlans;
}

/** Returns the outputs of layers for all images of a source. @throws ERR_INVALID_ARGUMENT; what predict() throws */
export async function activationsOf(
  { model, plans }: LookedInto,
  source: ImageSource,
  { layers, signal }: ActivationsOptions,
): Promise<Record<string, LayerActivations>> {
  if (layers.length === 0) throw invalid('layers', 'at least one name of a layer', 'none');
  if (new Set(layers).size < layers.length) throw invalid('layers', 'different names', layers);
  const known = layersNamed('layers', model, layers);
  const sizes = Object.fromEntries(known.map(({ outputShape }, index) => [outputName(index), sizeOf(outputShape)]));
  const outputs = await collect(plans, source, sizes, { look: activationsLook(layers), signal });
  const entries = known.map(({ name, outputShape }, index) => {
    const shape = [source.count, ...outputShape];
    return [name, { shape, values: outputs[outputName(index)] as Float32Array }] as const;
  });
  return Object.fromEntries(entries);
}
