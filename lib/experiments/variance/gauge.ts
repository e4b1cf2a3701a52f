/** Measures a network between the steps of its training. */
import { compile, type Plan } from '../../compile/compile';
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

/** Of one pre-activation y. Averages over seeds. */
export interface VarianceLayer {
  readonly name: string;
  /** Convolutions and linear layers on the longest way to it, its own included. */
  readonly depth: number;
  readonly onLongestPath: boolean;
  /** y: over batch and position within a channel, averaged over channels. */
  readonly y: ChannelStatistics;
  /** dE/dy, the same way, E being the loss of one image. */
  readonly gradient: ChannelStatistics;
}

/** A network at one moment. */
export interface VarianceMoment {
  /** Training steps done. */
  readonly step: number;
  /** Of the batch that was measured. */
  readonly loss: number;
  readonly layers: readonly VarianceLayer[];
  /** What each convolution, activation, pool and concatenation does to variances. */
  readonly factors: readonly Factor[];
}

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
    private readonly probe: Probe,
    private readonly plan: Plan,
  ) {}

  static async of(options: GaugeOptions): Promise<Gauge> {
    const { model, trainer, train, batch, device } = options;
    const statistics = await statisticsOf(train, options.statistics);
    const images = [batch, ...train.shape];
    const probe = probeGraph({ model, state: trainer.state, statistics, images, batch });
    return new Gauge(options, probe, await compile(probe.graph, { device, autotune: false }));
  }

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
    // The last batch of an epoch may be filled up with rows that do not count: the first one instead.
    const full = (place + 1) * batch <= train.count ? place : 0;
    const { indices, labels } = loader.epoch(Math.floor(trainer.step / loader.steps)).batches(full, 1);
    const images = new Uint8Array(batch * imageBytes(train));
    await train.read(indices, images);
    return { images, indices: Int32Array.from({ length: batch }, (_, row) => row), labels };
  }

  [Symbol.dispose](): void {
    this.plan.dispose();
  }
}
