/** Changes of a run's settings between a checkpoint and the run that goes on from it. */
import { SaturnnError, show } from '../../errors';
import { arrayOf, number, oneOf, optional, text } from '../../options/field';
import { Options } from '../../options/options';
import {
  type ChangedSetting,
  checkSame,
  type Description,
  firstDifference,
  type SettingsChange,
} from './checkpointInfo';

/**
 * Name of a setting of a Trainer that may change when it goes on from a checkpoint. "learningRate" is the schedule, too, and
 * "optimizer" its settings: clipping, momentum, weight decay, groups.
 */
export type ChangeableSetting =
  | 'learningRate'
  | 'optimizer'
  | 'labelSmoothing'
  | 'classWeights'
  | 'augmentation'
  | 'evaluateEvery'
  | 'batch'
  | 'accumulate';

/** All of them. */
export const changeableSettings: readonly ChangeableSetting[] = [
  'learningRate',
  'optimizer',
  'labelSmoothing',
  'classWeights',
  'augmentation',
  'evaluateEvery',
  'batch',
  'accumulate',
];

/** Options of Trainer.restore(). */
export interface RestoreOptions {
  /**
   * Settings that may differ from those of the checkpoint; this Trainer's hold from here on. Default: none. A changed schedule begins
   * without what it remembered. The kind of optimizer cannot change. With another batch, up to a batch of images of the epoch under
   * way may be used twice.
   */
  change?: readonly ChangeableSetting[];
  /** Multiplies every learning rate from here on, together with factors of earlier restores: 1e-9 to 1e9, default 1. */
  rateFactor?: number;
  /** Why settings change, for the log. */
  reason?: string;
}

/** ERR_CHECKPOINT for settings that differ, but that restore() would accept if it were asked to. */
export class SettingsDiffer extends SaturnnError {}

const restoreOptions = new Options<RestoreOptions>('Trainer.restore()', {
  change: optional(arrayOf(oneOf(changeableSettings))),
  rateFactor: optional(number([1e-9, 1e9])),
  reason: optional(text),
});

/** Options of restore() with their defaults. */
export type ResolvedRestore = Required<Omit<RestoreOptions, 'reason'>> & Pick<RestoreOptions, 'reason'>;

/** Checks the options of restore(). @throws ERR_INVALID_ARGUMENT */
export function checkRestore(options: RestoreOptions): ResolvedRestore {
  const { change = [], rateFactor = 1, reason } = restoreOptions.check(options);
  return { change, rateFactor, reason };
}

/**
 * Returns the settings that differ, which must all be in `change`.
 * @param source path of the checkpoint, for messages
 * @throws ERR_CHECKPOINT naming the first difference that is not accepted
 */
export function changesOf(
  source: string,
  saved: Description,
  here: Description,
  change: readonly ChangeableSetting[],
): ChangedSetting[] {
  const names = new Set([...Object.keys(here), ...Object.keys(saved ?? {})]);
  const differing = [...names].filter((name) => JSON.stringify(saved?.[name]) !== JSON.stringify(here[name]));
  const refused = differing.filter((name) => !change.some((accepted) => accepted === name));
  const isChangeable = (name: string) => changeableSettings.some((known) => known === name);
  const first = refused.find((name) => !isChangeable(name)) ?? refused[0];
  if (first !== undefined) {
    const difference = firstDifference({ [first]: saved?.[first] }, { [first]: here[first] });
    const message = `${source} belongs to another run: its settings differ: ${difference}`;
    throw isChangeable(first)
      ? new SettingsDiffer('ERR_CHECKPOINT', message)
      : new SaturnnError('ERR_CHECKPOINT', message);
  }
  const kindOf = (settings: Description) => ({ 'kind of optimizer': (settings.optimizer as Description)?.kind });
  checkSame(source, 'run, and the kind of optimizer cannot change', kindOf(saved), kindOf(here));
  return differing.flatMap((name) => leaves(name, saved?.[name], here[name]));
}

/** Returns the values that differ within a setting: those of an optimizer by field. */
function leaves(name: string, from: unknown, to: unknown): ChangedSetting[] {
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  if (name !== 'optimizer') return [{ name, from: from ?? null, to: to ?? null }];
  const [before, after] = [from, to] as [Record<string, unknown>, Record<string, unknown>];
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...fields]
    .filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]))
    .map((field) => ({ name: `${name}.${field}`, from: before[field] ?? null, to: after[field] ?? null }));
}

/** Describes a change in words: "batch 64 -> 32, optimizer.clipNorm null -> 1". */
export const describeChange = ({ changed }: Pick<SettingsChange, 'changed'>): string =>
  changed.map(({ name, from, to }) => `${name} ${valueText(from)} -> ${valueText(to)}`).join(', ');

/** Puts a value into words; a schedule by its name and first rate. */
function valueText(value: unknown): string {
  const { name, rates } = (value ?? {}) as { name?: unknown; rates?: unknown[] };
  if (name === 'constant' && rates) return show(rates[0]);
  if (typeof name === 'string') return rates ? `${name} from ${rates[0]}` : name;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : show(value);
}
