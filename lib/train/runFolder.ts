/**
 * The folder of one training run: config.json, metrics.jsonl, epochs.csv, checkpoints, and at the end model.safetensors,
 * best.safetensors, curves.svg and report.html.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Statistics } from '../data/statistics';
import { SaturnnError } from '../errors';
import { linkOver, prepareFolder, removeTemporaries, writeAtomically } from '../files/durable';
import { lockFolder } from '../files/lock';
import { writeSafetensors } from '../files/safetensors';
import { requireSpace } from '../files/space';
import type { Model } from '../models/model';
import { formatActivation } from '../ops/activation';
import type { EpochEvent } from '../optim/metric';
import type { State } from '../tensor/state';
import { Attempts } from './attempts';
import type { Callback } from './callback';
import { Checkpoints, type CheckpointsOptions, CsvLog, checkpointNames, JsonlLog } from './callbacks';
import type { RestoreOptions } from './checkpoint/changes';
import { readCheckpoint } from './checkpoint/checkpoint';
import { type RunEvents, renderReport, renderSvg } from './curves';
import type { EvaluateFinally } from './evaluation/finalEvaluation';
import { cardOf, type ModelCard } from './modelFile/card';
import type { TrainedOn } from './modelFile/description';
import { collectWeights, weightsOf } from './modelFile/weights';
import { readEvents } from './runLog';
import type { Trainer } from './trainer';

const metricsName = 'metrics.jsonl';
const weightsName = 'model.safetensors';
const bestWeightsName = 'best.safetensors';

/** Settings of a run as JSON values by name. */
export type Settings = Readonly<Record<string, unknown>>;

/** Options of RunFolder. */
export interface RunFolderOptions {
  /** Whether the folder may already hold a run, which is then to go on. Default false. */
  resume?: boolean;
  /** When to write checkpoints; default: that of Checkpoints. */
  checkpoints?: Omit<CheckpointsOptions, 'folder'>;
}

/** The trained network that RunFolder.saveWeights() writes. */
export interface WeightsToSave {
  readonly model: Model;
  readonly state: State;
  readonly statistics: Statistics;
  /** The training set. */
  readonly data: TrainedOn;
  /** Where the present weights come from. */
  readonly card: ModelCard;
}

/** The results of a run that RunFolder.finish() writes. */
export interface FinishOptions extends WeightsToSave {
  /** The settings that the report shows. */
  readonly settings: Settings;
  /** The epoch events that the Trainer knows; default: none. */
  readonly epochs?: readonly EpochEvent[];
  /** Evaluates the test set, for the report; absent: it is not evaluated. */
  readonly evaluate?: EvaluateFinally | undefined;
}

/** Paths of the files that finish() has written. */
export interface Saved {
  readonly curves: string;
  readonly report: string;
  readonly model: string;
  /** Weights of the best epoch; absent if no best.checkpoint exists. */
  readonly best?: string;
}

/** The folder of one training run, locked for this process until dispose(). */
export class RunFolder {
  /** Absolute path. */
  readonly path: string;
  readonly checkpoints: Checkpoints;
  /** Callbacks for the Trainer: the logs, and after them the checkpoints. */
  readonly callbacks: readonly Callback[];
  readonly #logs: readonly (JsonlLog | CsvLog)[];
  readonly #unlock: () => void;

  /**
   * Makes the folder and locks it for this process.
   * @throws ERR_OUTPUT if files cannot be written into it, so that this is known before any training; ERR_BUSY if another process
   * writes into it, or if it holds a run with checkpoints and `resume` is false
   */
  constructor(folder: string, { resume = false, checkpoints = {} }: RunFolderOptions = {}) {
    this.path = prepareFolder(folder);
    this.#unlock = lockFolder(this.path);
    try {
      removeTemporaries(this.path);
      if (!resume && hasCheckpoint(this.path)) {
        const message = `${this.path} holds a run with checkpoints: resume it, remove it, or choose another folder`;
        throw new SaturnnError('ERR_BUSY', message);
      }
      this.checkpoints = new Checkpoints({ ...checkpoints, folder: this.path });
      this.#logs = [new JsonlLog(join(this.path, metricsName)), new CsvLog(join(this.path, 'epochs.csv'))];
      this.callbacks = [...this.#logs, this.checkpoints];
    } catch (error) {
      this.#unlock();
      throw error;
    }
  }

  /**
   * Restores the Trainer from a checkpoint of the folder.
   * @param which auto: the last or, if that is broken, the previous one
   * @param options those of Trainer.restore()
   * @returns a sentence for the user if the previous checkpoint has taken the place of a broken one, else null
   * @throws what Trainer.restore() throws; if the last checkpoint is broken, the message says what can be done
   */
  async restore(
    trainer: Trainer,
    which: 'last' | 'previous' | 'auto',
    options: RestoreOptions = {},
  ): Promise<string | null> {
    const [last, previous] = [this.checkpoints.path('last'), this.checkpoints.path('previous')];
    let replaced: string | null = null;
    try {
      await trainer.restore(which === 'previous' ? previous : last, options);
    } catch (error) {
      if (which === 'previous' || !(await isBroken(last))) throw error;
      const { code, message } = error as SaturnnError;
      const fail = (remedy: string) => new SaturnnError(code, `${message}; ${remedy}`, { cause: error });
      if (!existsSync(previous) || (await isBroken(previous)))
        throw which === 'auto' ? fail(`remove ${this.path} to begin anew`) : error;
      if (which === 'last') throw fail(`${checkpointNames.previous} can be used instead (--resume previous)`);
      await trainer.restore(previous, options);
      replaced = `${message}; the run goes on from ${checkpointNames.previous}`;
    }
    // The last checkpoint may be broken. It must not become the previous one when the next is written.
    if (which === 'previous' || replaced !== null) linkOver(previous, last);
    return replaced;
  }

  /**
   * Goes back to the last checkpoint with lower learning rates, which a checkpoint holds from then on.
   * @param options those of Trainer.restore(): the factor, why, and the settings in which the run may differ from that checkpoint
   */
  async lowerRate(trainer: Trainer, options: RestoreOptions): Promise<void> {
    await this.restore(trainer, 'auto', options);
    await this.checkpoints.write(trainer);
  }

  /**
   * Checks, before a training, that the disk has room for its checkpoints and weights.
   * @param sizes greatest size of a checkpoint, and size of the weights, in bytes; 0: they are not written
   * @throws ERR_OUTPUT with what is needed and what is free
   */
  requireSpace({ checkpoint, weights }: { readonly checkpoint: number; readonly weights: number }): void {
    const { keepsBest } = this.checkpoints;
    const kinds: (keyof typeof checkpointNames)[] = keepsBest ? ['last', 'previous', 'best'] : ['last', 'previous'];
    const names = keepsBest ? [weightsName, bestWeightsName] : [weightsName];
    const files = [
      ...kinds.map((kind) => ({ path: this.checkpoints.path(kind), bytes: checkpoint })),
      ...names.map((name) => ({ path: join(this.path, name), bytes: weights })),
    ];
    requireSpace(this.path, files, checkpoint);
  }

  /** Writes config.json. */
  configure(settings: Settings): void {
    writeAtomically(join(this.path, 'config.json'), `${JSON.stringify(settings, null, 2)}\n`);
  }

  /** Writes the present weights as model.safetensors. @returns its path */
  async saveWeights({ state, ...parts }: WeightsToSave): Promise<string> {
    const path = join(this.path, weightsName);
    writeSafetensors(path, await collectWeights(parts, state));
    return path;
  }

  /**
   * Writes the present weights, those of the best epoch, curves and report. A file that cannot be written does not prevent the others.
   * @returns the paths
   * @throws ERR_OUTPUT, naming every file that cannot be written; ERR_CHECKPOINT if the best checkpoint is damaged
   */
  async finish({ settings, epochs = [], evaluate, ...toSave }: FinishOptions): Promise<Saved> {
    const { model, state } = toSave;
    const [curves, report, weights] = ['curves.svg', 'report.html', bestWeightsName].map((name) =>
      join(this.path, name),
    ) as [...[string, string, string]];
    const hasBest = existsSync(this.checkpoints.path('best'));
    const attempts = new Attempts();
    await attempts.make(() => this.saveWeights(toSave));
    const best = hasBest
      ? await attempts.make(async () => {
          const checkpoint = await readCheckpoint(this.checkpoints.path('best'));
          const card = cardOf(checkpoint.info);
          writeSafetensors(weights, weightsOf({ ...toSave, card }, state, checkpoint.arrays));
          return checkpoint;
        })
      : null;
    for (const log of this.#logs) await attempts.make(() => log.flush());
    const title = `${model.name}, width ${model.width}, ${formatActivation(model.activation)}`;
    const events = this.events(epochs);
    await attempts.make(() => writeAtomically(curves, renderSvg(title, events)));
    const evaluation = (await evaluate?.(best ?? null)) ?? null;
    await attempts.make(() => writeAtomically(report, renderReport(title, events, settings, evaluation)));
    attempts.check();
    return { curves, report, model: join(this.path, weightsName), ...(hasBest && { best: weights }) };
  }

  /**
   * Returns the epochs that the Trainer knows, and from the log what it does not: the steps, and the epochs before a checkpoint of an
   * earlier version, which holds none.
   */
  events(epochs: readonly EpochEvent[]): RunEvents {
    const logged = readEvents(join(this.path, metricsName));
    const first = epochs[0]?.step ?? Number.POSITIVE_INFINITY;
    return { ...logged, epochs: [...logged.epochs.filter(({ step }) => !(step >= first)), ...epochs] };
  }

  /** Unlocks the folder. */
  dispose(): void {
    this.#unlock();
  }

  /** For `using`: dispose(). */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Whether the folder has a last or a previous checkpoint. */
export const hasCheckpoint = (folder: string): boolean =>
  [checkpointNames.last, checkpointNames.previous].some((name) => existsSync(join(folder, name)));

/** Whether a checkpoint cannot be read, for whatever reason. */
const isBroken = (path: string): Promise<boolean> =>
  readCheckpoint(path).then(
    () => false,
    () => true,
  );

/** Returns the epoch events in the log of a run's folder: those of a run that has not ended. */
export const readEpochs = (folder: string): readonly EpochEvent[] => readEvents(join(folder, metricsName)).epochs;
