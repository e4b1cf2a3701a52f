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
import type { Model } from '../models/model';
import { formatActivation } from '../ops/activation';
import type { State } from '../tensor/state';
import type { Callback } from './callback';
import { Checkpoints, type CheckpointsOptions, CsvLog, checkpointNames, JsonlLog } from './callbacks';
import { readCheckpoint } from './checkpoint/checkpoint';
import { collectWeights, weightsOf } from './checkpoint/weights';
import { renderReport, renderSvg } from './curves';
import type { EpochEvent } from './events';
import type { Trainer } from './trainer';

const metricsName = 'metrics.jsonl';

export type Settings = Readonly<Record<string, unknown>>;

export interface RunFolderOptions {
  /** Whether a run that is in the folder already goes on. */
  resume?: boolean;
  checkpoints?: Omit<CheckpointsOptions, 'folder'>;
}

export interface Saved {
  readonly curves: string;
  readonly report: string;
  readonly model: string;
  readonly best?: string;
}

export class RunFolder {
  readonly path: string;
  readonly checkpoints: Checkpoints;
  /** The logs, and the checkpoints after them: for the Trainer. */
  readonly callbacks: readonly Callback[];
  readonly #unlock: () => void;

  /**
   * Makes the folder and takes it for this process.
   * @throws ERR_OUTPUT: so before any training; ERR_BUSY if another process writes into it, or if it holds a run that would
   * be overwritten
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
   * Goes on from a checkpoint of the folder.
   * @throws what Trainer.restore() throws; where the last one is broken, it says that there is a previous one
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
      throw new SaturnnError(code, `${message}; ${checkpointNames.previous} is there as well (--resume previous)`, {
        cause: error,
      });
    }
    // The last may be broken, and must not become the previous one.
    if (which === 'previous') linkOver(previous, this.checkpoints.path('last'));
  }

  /** config.json. */
  configure(settings: Settings): void {
    writeAtomically(join(this.path, 'config.json'), `${JSON.stringify(settings, null, 2)}\n`);
  }

  /** model.safetensors. @returns its path */
  async saveWeights(model: Model, state: State, statistics: Statistics): Promise<string> {
    const path = join(this.path, 'model.safetensors');
    writeSafetensors(path, await collectWeights(model, state, statistics));
    return path;
  }

  /** Weights, those of the best epoch too, curves and report. @returns the paths */
  async finish(model: Model, state: State, statistics: Statistics, settings: Settings): Promise<Saved> {
    const paths = {
      curves: join(this.path, 'curves.svg'),
      report: join(this.path, 'report.html'),
      model: await this.saveWeights(model, state, statistics),
    };
    const title = `${model.name}, width ${model.width}, ${formatActivation(model.activation)}`;
    const epochs = readEpochs(this.path);
    writeAtomically(paths.curves, renderSvg(title, epochs));
    writeAtomically(paths.report, renderReport(title, epochs, settings));
    if (!existsSync(this.checkpoints.path('best'))) return paths;
    const best = join(this.path, 'best.safetensors');
    const { arrays } = await readCheckpoint(this.checkpoints.path('best'));
    writeSafetensors(best, weightsOf(model, state, statistics, arrays));
    return { ...paths, best };
  }

  /** Gives the folder back. */
  dispose(): void {
    this.#unlock();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

export const hasCheckpoint = (folder: string): boolean =>
  [checkpointNames.last, checkpointNames.previous].some((name) => existsSync(join(folder, name)));

/** The epochs that a run's folder tells of, those before a resume included; none if it is not there. */
export function readEpochs(folder: string): EpochEvent[] {
  const log = join(folder, metricsName);
  if (!existsSync(log)) return [];
  const text = readFileSync(log, 'utf8');
  // The last line may be half written: the run goes on, or was killed.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  // JSON has null for the loss of a network that has overflown.
  const parse = (line: string) => JSON.parse(line, (_, value) => (value === null ? Number.NaN : value));
  return lines
    .filter(Boolean)
    .map(parse)
    .filter(({ event }) => event === 'epoch');
}
