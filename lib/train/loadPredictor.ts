/** A network from the file that training has left: everything that prediction needs is in it. */
import type { Statistics } from '../data/statistics';
import { SaturnnError, show } from '../errors';
import { readSafetensors, type SafetensorsFile } from '../files/safetensors';
import type { Normalization } from '../layers';
import { createModel, type Model } from '../models';
import { parseActivation } from '../ops/activations';
import { State } from '../tensor/state';
import { Predictor, type PredictorOptions } from './predictor';

/**
 * Makes the model that model.safetensors describes, with its weights.
 * @throws ERR_DATA if the file is broken, or describes no model of this package or another one than its tensors are of;
 * what compile throws
 */
export async function loadPredictor(
  path: string,
  options: Pick<PredictorOptions, 'shape' | 'batch' | 'device' | 'precision' | 'deterministic' | 'autotune'>,
): Promise<Predictor> {
  const file = readSafetensors(path);
  const fail = (what: string) => new SaturnnError('ERR_DATA', `${path} cannot be used: ${what}`);
  const { model, statistics } = describedBy(file, fail);
  // Before anything is allocated: what the file says of the model's size may be anything.
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
