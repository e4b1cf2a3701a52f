/** Makes a network from the file that training wrote, which contains everything that prediction needs. */
import type { Statistics } from '../data/statistics';
import { SaturnnError, show } from '../errors';
import { readSafetensors, type SafetensorsFile } from '../files/safetensors';
import type { Normalization } from '../layers';
import { createModel, type Model } from '../models';
import { parseActivation } from '../ops/activations';
import { State } from '../tensor/state';
import { Predictor, type PredictorOptions } from './predictor';

/**
 * Reads model.safetensors, which `saturnn train` and Trainer.saveWeights() write, and makes the model that it describes, with its
 * weights. It works for the models of createModel() only. The predictor must be disposed of.
 * @param path path of the file
 * @param given options: shape [height, width, channels] of the images to predict, number of images per step, and device are required;
 * see PredictorOptions for the others
 * @throws ERR_DATA if the file is broken, does not describe a model of this package, or its tensors do not fit that model; what
 * compile throws
 */
export async function loadPredictor(
  path: string,
  given: Pick<PredictorOptions, 'shape' | 'batch' | 'device' | 'precision' | 'deterministic' | 'autotune'>,
): Promise<Predictor> {
  const options = { ...given }; // the caller may change the object while weights are written
  const file = readSafetensors(path);
  const fail = (what: string) => new SaturnnError('ERR_DATA', `${path} cannot be used: ${what}`);
  const { model, statistics } = describedBy(file, fail);
  // Checked before anything is allocated, because the sizes in a damaged or hostile file may be huge.
  const values = [...model.parameters, ...(model.buffers ?? [])].map((part) => {
    const tensor = file.tensors.get(part.name);
    if (!(tensor?.data instanceof Float32Array)) throw fail(`it has no F32 tensor "${part.name}"`);
    if (String(tensor.shape) !== String(part.shape)) {
      throw fail(`expected shape [${part.shape}] for "${part.name}" but received [${tensor.shape}]`);
    }
    return [part, tensor.data] as const;
  });
  const state = new State(model.parameters, { optimizerSlots: 0, buffers: model.buffers });
  try {
    await state.on(options.device);
    for (const [part, data] of values) await state.write(part, data);
    return await Predictor.create({ ...options, model, state, statistics, ownsState: true });
  } catch (error) {
    state.dispose();
    throw error;
  }
}

function describedBy({ metadata }: SafetensorsFile, fail: (what: string) => SaturnnError) {
  try {
    const number = (key: string) => Number(metadata[key]);
    const model: Model = createModel(metadata.model ?? '', {
      width: number('width'),
      classes: number('classes'),
      activation: parseActivation(metadata.activation ?? ''),
      size: number('size'),
      normalization: metadata.normalization as Normalization | undefined,
    });
    return { model, statistics: statisticsOf(metadata) };
  } catch (error) {
    throw fail((error as Error).message);
  }
}

function statisticsOf(metadata: SafetensorsFile['metadata']): Statistics {
  const numbers = (key: string): number[] => {
    const values: unknown = JSON.parse(metadata[key] ?? 'null');
    if (Array.isArray(values) && values.every(Number.isFinite)) return values;
    throw new SaturnnError('ERR_DATA', `Expected numbers for ${key} but received ${show(values)}`);
  };
  const scale = Float32Array.from(numbers('scale'));
  const mean = Float32Array.from(numbers('mean'));
  return { mean, meanShape: numbers('meanShape'), scale, deviation: scale.map((factor) => 1 / factor) };
}
