/** The folder of one training run: config.json, metrics.jsonl, model.safetensors, curves.svg, report.html. */
import { join } from 'node:path';
import type { Model } from '../models/model';
import { formatActivation } from '../ops/activation';
import type { State } from '../state';
import { renderReport, renderSvg } from './curves';
import type { EpochEvent, TrainEvent } from './events';
import { prepareFolder, writeAtomically } from './files';
import { MetricsWriter } from './metrics';
import { writeSafetensors } from './safetensors';

export type Settings = Readonly<Record<string, unknown>>;

export class RunFolder {
  readonly path: string;
  readonly #settings: Settings;
  readonly #metrics: MetricsWriter;
  readonly #epochs: EpochEvent[] = [];

  /** Makes the folder, writes config.json, begins metrics.jsonl. @throws ERR_OUTPUT: so before any training */
  constructor(folder: string, settings: Settings) {
    this.path = prepareFolder(folder);
    this.#settings = settings;
    writeAtomically(join(this.path, 'config.json'), `${JSON.stringify(settings, null, 2)}\n`);
    this.#metrics = new MetricsWriter(join(this.path, 'metrics.jsonl'));
  }

  record(event: TrainEvent): void {
    this.#metrics.write(event);
    if (event.event === 'epoch') this.#epochs.push(event);
  }

  /** Weights and curves. @returns the paths of the curves */
  async finish(model: Model, state: State): Promise<{ curves: string; report: string; model: string }> {
    this.#metrics.close();
    const paths = {
      curves: join(this.path, 'curves.svg'),
      report: join(this.path, 'report.html'),
      model: join(this.path, 'model.safetensors'),
    };
    writeSafetensors(paths.model, await collect(model, state));
    const title = `${model.name}, width ${model.width}, ${formatActivation(model.activation)}`;
    writeAtomically(paths.curves, renderSvg(title, this.#epochs));
    writeAtomically(paths.report, renderReport(title, this.#epochs, this.#settings));
    return paths;
  }
}

/** Parameters and running statistics by name, and what is needed to make the model again. */
async function collect(model: Model, state: State) {
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const part of [...model.parameters, ...(model.buffers ?? [])]) {
    tensors.set(part.name, { shape: part.shape, data: await state.read(part) });
  }
  const metadata = {
    model: model.name,
    width: String(model.width),
    classes: String(model.classes),
    activation: formatActivation(model.activation),
    normalization: model.normalization ?? 'none',
  };
  return { tensors, metadata };
}
