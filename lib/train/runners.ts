import { compile } from '../compile/compile';
import type { Graph } from '../compile/graph';
import type { DataMode, ImageSource } from '../data/source';
import { type Statistics, statisticsOf } from '../data/statistics';
import { SaturnnError } from '../errors';
import type { Resident } from '../runtime/device';
import { Landings } from '../runtime/landings';
import type { State } from '../tensor/state';
import { type Feed, ResidentFeed, StreamingFeed, uploadImages } from './feed';
import { Runner } from './runner';
import type { StepGraphOptions } from './stepGraphs';
import type { ResolvedOptions } from './trainerOptions';

type MakeGraph = (options: StepGraphOptions) => Graph;

/** How a runner of a Trainer gets its images. */
interface How {
  /** Where the images are. */
  readonly data?: DataMode;
  /** The number of parts that a step consists of. */
  readonly parts?: number;
}

/** The plans of a Trainer with the data that they read. Each is made at its first use and kept. */
export class Runners {
  readonly #made = new Map<string, Promise<Runner>>();
  readonly #residents = new Map<ImageSource, Promise<Resident>>();
  readonly #uploaded: Resident[] = [];
  #statistics: Promise<Statistics> | null = null;
  readonly #landings: Landings;
  #disposed = false;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly state: State,
  ) {
    this.#landings = new Landings(options.device);
  }

  /**
   * Returns the runner of this `kind` ("fit", "train", "test"); at its first use it is made from `graph`, with images of
   * `source`.
   * @param how where the images are (default: where the options say), and of how many parts a step consists (default 1). All plans compute
   * as many images at the same time as a part of an update has
   * @throws ERR_DISPOSED; what compile throws
   */
  get(kind: string, source: ImageSource, graph: MakeGraph, how: How = {}): Promise<Runner> {
    this.checkNotDisposed();
    const known = this.#made.get(kind);
    if (known) return known;
    const runner = this.#prepare(source, graph, how);
    this.#made.set(kind, runner);
    // A failure is not kept, because a later attempt may find enough memory.
    runner.catch(() => this.#made.get(kind) === runner && this.#made.delete(kind));
    return runner;
  }

  /**
   * Returns a runner of images that the Trainer does not know: the plan of this `kind` is kept, but not the source. It has the
   * training set's shape.
   * @throws as get()
   */
  async passing(kind: string, source: ImageSource, graph: MakeGraph): Promise<Runner> {
    const made = await this.get(kind, source, graph, { data: 'streaming' });
    return new Runner(made.plan, new StreamingFeed(source, this.options.part, this.#landings), made.graph);
  }

  /** Returns the runner of this `kind` if get() has made one, else null. */
  async made(kind: string): Promise<Runner | null> {
    return (await this.#made.get(kind)?.catch(() => null)) ?? null;
  }

  /** Returns the pixel statistics of the training set, computed at the first call, or those of the weights' file. */
  statistics(): Promise<Statistics> {
    const { normalization } = this.options.network;
    if (normalization) return Promise.resolve(normalization);
    this.#statistics ??= statisticsOf(this.options.train, this.options.statistics).catch((error) => {
      this.#statistics = null;
      throw error;
    });
    return this.#statistics;
  }

  async #prepare(source: ImageSource, graph: MakeGraph, { data, parts = 1 }: How): Promise<Runner> {
    const { model, part: batch, device, precision, deterministic, autotune } = this.options;
    const statistics = await this.statistics();
    this.checkNotDisposed();
    const feed = await this.#feed(source, data ?? this.options.data, parts);
    const whole = graph({ model, state: this.state, statistics, images: feed.images, batch });
    const plan = await compile(whole, { device, precision, deterministic, autotune });
    return new Runner(plan, feed, whole, parts);
  }

  async #feed(source: ImageSource, data: DataMode, parts: number): Promise<Feed> {
    if (data === 'streaming') return new StreamingFeed(source, this.options.part * parts, this.#landings, parts);
    const resident = this.#residents.get(source) ?? this.#upload(source);
    this.#residents.set(source, resident);
    resident.catch(() => this.#residents.delete(source));
    return new ResidentFeed(source, await resident);
  }

  async #upload(source: ImageSource): Promise<Resident> {
    const resident = await uploadImages(source, this.options.device);
    this.#uploaded.push(resident);
    if (this.#disposed) this.dispose();
    this.checkNotDisposed();
    return resident;
  }

  /** @throws ERR_DISPOSED after dispose() */
  checkNotDisposed(): void {
    if (this.#disposed) throw new SaturnnError('ERR_DISPOSED', 'this Trainer was disposed of');
  }

  /** Frees the plans, and the data on the device. */
  dispose(): void {
    this.#disposed = true;
    // A compilation that failed has nothing to free, and its caller has received the error.
    for (const runner of this.#made.values()) runner.then(({ plan }) => plan.dispose()).catch(() => {});
    for (const resident of this.#uploaded.splice(0)) resident.dispose();
    this.#landings.dispose();
    this.#made.clear();
    this.#residents.clear();
  }
}
