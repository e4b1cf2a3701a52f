/**
 * The folder of one training run: config.json, metrics.jsonl, epochs.csv, checkpoints, and at the end model.safetensors,
 * best.safetensors, curves.svg and report.html.
 */
import { existsSync, readFileSync } from 'node:fs';
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
import type { Callback } from './callback';
import { Checkpoints, type CheckpointsOptions, CsvLog, checkpointNames, JsonlLog } from './callbacks';
import { readCheckpoint } from './checkpoint/checkpoint';
import { collectWeights, weightsOf } from './checkpoint/weights';
import { type RunEvents, renderReport, renderSvg } from './curves';
import type { TrainEvent } from './events';
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
      this.callbacks = [
        new JsonlLog(join(this.path, metricsName)),
        new CsvLog(join(this.path, 'epochs.csv')),
        this.checkpoints,
      ];
    } catch (error) {
      this.#unlock();
      throw error;
    }
  }

  /**
   * Restores the Trainer from a checkpoint of the folder.
   * @throws what Trainer.restore() throws; if the last checkpoint is broken, the message mentions the previous one, if it exists
   */
  async restore(trainer: Trainer, which: 'last' | 'previous'): Promise<void> {
    const [path, previous] = [this.checkpoints.path(which), this.checkpoints.path('previous')];
    try {
      await trainer.restore(path);
    } catch (error) {
      const isBroken = await readCheckpoint(path).then(
        () => false,
        () => true,
      );
      if (which === 'previous' || !isBroken || !existsSync(previous)) throw error;
      const { code, message } = error as SaturnnError;
      throw new SaturnnError(code, `${message}; ${checkpointNames.previous} can be used instead (--resume previous)`, {
        cause: error,
      });
    }
    // The last checkpoint may be broken. It must not become the previous one when the next is written.
    if (which === 'previous') linkOver(previous, this.checkpoints.path('last'));
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
  async saveWeights(model: Model, state: State, statistics: Statistics): Promise<string> {
    const path = join(this.path, weightsName);
    writeSafetensors(path, await collectWeights(model, state, statistics));
    return path;
  }

  /** Writes the present weights, those of the best epoch, curves and report. @returns the paths */
  async finish(model: Model, state: State, statistics: Statistics, settings: Settings): Promise<Saved> {
    const paths = {
      curves: join(this.path, 'curves.svg'),
      report: join(this.path, 'report.html'),
      model: await this.saveWeights(model, state, statistics),
    };
    const title = `${model.name}, width ${model.width}, ${formatActivation(model.activation)}`;
    const events = readEvents(this.path);
    writeAtomically(paths.curves, renderSvg(title, events));
    writeAtomically(paths.report, renderReport(title, events, settings));
    if (!existsSync(this.checkpoints.path('best'))) return paths;
    const best = join(this.path, bestWeightsName);
    const { arrays } = await readCheckpoint(this.checkpoints.path('best'));
    writeSafetensors(best, weightsOf(model, state, statistics, arrays));
    return { ...paths, best };
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

/** Returns the epoch events of readEvents(). */
export const readEpochs = (folder: string): readonly EpochEvent[] => readEvents(folder).epochs;

/**
 * Returns the epoch and step events in a run's folder (its metrics.jsonl), those before a resume included; none if there is no
 * such file.
 */
export function readEvents(folder: string): RunEvents {
  const log = join(folder, metricsName);
  if (!existsSync(log)) return { epochs: [], steps: [] };
  const text = readFileSync(log, 'utf8');
  // The last line may be half written, if the run still goes on or was killed.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  // JSON has no NaN: a loss that overflowed was written as null.
  const parse = (line: string) => JSON.parse(line, (_, value) => (value === null ? Number.NaN : value));
  const events: TrainEvent[] = lines.filter(Boolean).map(parse);
  return {
    epochs: events.filter((event) => event.event === 'epoch'),
    steps: events.filter((event) => event.event === 'step'),
  };
}
