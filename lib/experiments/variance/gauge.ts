/** Measures a network between the steps of its training. */
import { compile, type Plan } from '../../compile/compile';
import { Augmenter } from '../../data/augmentation/augmenter';
import { DataLoader } from '../../data/loader';
import { type ImageSource, imageBytes } from '../../data/source';
import { type StatisticsOptions, statisticsOf } from '../../data/statistics';
import type { Model } from '../../models/model';
import type { Activation } from '../../ops/activations';
import type { Device } from '../../runtime/device';
import type { Trainer } from '../../train/trainer';
import { type Factor, factorsOf } from './factors';
import { gradientKey, type Probe, probeGraph } from './probe';
import { type ChannelStatistics, readStatistics } from './statistics';

/** Statistics of one layer's pre-activation y, averaged over seeds. */
export interface VarianceLayer {
  /** Name of the layer. */
  readonly name: string;
  /** Number of convolutions and linear layers on the longest path from the image to y, its own included. */
  readonly depth: number;
  /** Whether it lies on the longest path from the image to the logits. */
  readonly onLongestPath: boolean;
  /** Statistics of y over batch and positions within a channel, averaged over channels. */
  readonly y: ChannelStatistics;
  /** Statistics of dE/dy, in the same way, where E is the loss of one image. */
  readonly gradient: ChannelStatistics;
}

/** Measurements of a network at one moment of its training. */
export interface VarianceMoment {
  /** Training steps done. */
  readonly step: number;
  /** Loss of the batch that was measured. */
  readonly loss: number;
  /** Every pre-activation, and last the logits. */
  readonly layers: readonly VarianceLayer[];
  /** Factors of each convolution, linear layer, activation, pool and concatenation on variances. */
  readonly factors: readonly Factor[];
}

/** Options of a Gauge. */
export interface GaugeOptions {
  readonly model: Model;
  readonly trainer: Trainer;
  readonly train: ImageSource;
  readonly statistics: StatisticsOptions;
  readonly batch: number;
  readonly activation: Activation;
  readonly seed: number;
  readonly device: Device;
}

/** Measures a Trainer's model with the batch that its next step takes. */
export class Gauge {
  private constructor(
    private readonly options: GaugeOptions,
    private readonly augmenter: Augmenter,
    private readonly probe: Probe,
    private readonly plan: Plan,
  ) {}

  /** Compiles the plan. @throws what compile throws */
  static async of(options: GaugeOptions): Promise<Gauge> {
    const { model, trainer, train, batch, device, seed } = options;
    const [height, width] = model.inputShape;
    const { augmentation = [], shape: stored, labels } = train;
    const augmenter = new Augmenter({ augmentation, seed, stored, size: [height, width], labels });
    const statistics = await statisticsOf(train, options.statistics);
    const images = [batch, ...train.shape];
    const tables = augmenter.names;
    const probe = probeGraph({ model, state: trainer.state, statistics, images, batch, tables });
    return new Gauge(options, augmenter, probe, await compile(probe.graph, { device, autotune: false }));
  }

  /** Measures the network as it is now. */
  async measure(): Promise<VarianceMoment> {
    const { trainer, activation } = this.options;
    const { probe } = this;
    const { outputs } = await this.plan.run(await this.#inputs());
    const value = (key: string) => readStatistics(outputs, key);
    const slope = (key: string) => readStatistics(outputs, key, probe.scale);
    const meanSquares = new Map<string, number>();
    for (const { weight } of probe.parts) {
      if (!weight) continue;
      const values = await trainer.state.read(weight);
      meanSquares.set(weight.name, values.reduce((sum, w) => sum + w * w, 0) / values.length);
    }
    return {
      step: trainer.step,
      loss: outputs.loss![0]!,
      layers: probe.layers.map(({ y, ...layer }) => ({ ...layer, y: value(y), gradient: slope(gradientKey(y)) })),
      factors: factorsOf({ parts: probe.parts, value, slope, activation, meanSquares }),
    };
  }

  async #inputs() {
    const { trainer, train, batch, seed } = this.options;
    const loader = new DataLoader({ labels: train.labels, batch, shuffle: true, seed });
    const place = trainer.step % loader.steps;
    // The last batch of an epoch may contain padding rows. The first batch is measured instead.
    const full = (place + 1) * batch <= train.count ? place : 0;
    const epoch = Math.floor(trainer.step / loader.steps);
    const batches = loader.epoch(epoch).batches(full, 1);
    const { indices, labels } = batches;
    const { places } = this.augmenter.tables(epoch, batches);
    const images = new Uint8Array(batch * imageBytes(train));
    await train.read(indices, images);
    const rows = Int32Array.from({ length: batch }, (_, row) => row);
    return { images, indices: rows, labels, ...(places && { places }) };
  }

  [Symbol.dispose](): void {
    this.plan.dispose();
  }
}
