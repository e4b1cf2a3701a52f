/** Makes a checkpoint from the parts of a Trainer, and sets them to a checkpoint. */
import { checkInteger, invalid, SaturnnError } from '../../errors';
import { type State, savedArenas, stepsIn } from '../../tensor/state';
import { version } from '../../version';
import type { Callback, SavedCallback } from '../callback';
import { EarlyStopping } from '../callbacks/earlyStopping';
import { describeSettings, type ResolvedOptions } from '../trainerOptions';
import { changesOf, type ResolvedRestore } from './changes';
import type { Checkpoint } from './checkpoint';
import {
  type ChangedSetting,
  type CheckpointInfo,
  checkSame,
  type Description,
  describeModel,
  describeSource,
  type SettingsChange,
} from './checkpointInfo';
import type { Cursor, Pace } from './cursor';
import { decodeHistory, encodeHistory, historyName } from './history';

/** The parts of CheckpointInfo that must be equal in a checkpoint and in the run that goes on from it. */
export type RunDescription = Pick<CheckpointInfo, 'model' | 'train' | 'test' | 'settings'>;

/** Describes the run of a Trainer. The result does not change during the Trainer's life. */
export async function describeRun(options: ResolvedOptions, state: State): Promise<RunDescription> {
  const { train: trainSet, test: testSet } = options;
  const [train, test] = await Promise.all([describeSource(trainSet), testSet && describeSource(testSet)]);
  return { model: describeModel(options.model, state), train, test, settings: describeSettings(options) };
}

/** Describes the test set of a training that has none. */
const none: Description = { count: 0 };

/** Returns a checkpoint of the present state, position, schedule and callbacks. */
export async function takeCheckpoint(
  options: ResolvedOptions,
  state: State,
  cursor: Cursor,
  run: RunDescription,
  machine: Description,
): Promise<Checkpoint> {
  const { schedule, callbacks } = options;
  const position = cursor.save();
  const scheduleState = schedule.save?.() ?? null;
  const saved = callbacks.map(({ name, save }, index) => ({ name, ...save?.call(callbacks[index]) }));
  await state.on(options.device);
  const arenas = await Promise.all(savedArenas.map(async (arena) => [arena, await state.readArena(arena)] as const));
  const arrays = new Map<string, Uint8Array>([
    ...arenas,
    [historyName, encodeHistory(cursor.history, options.loss.kind)],
  ]);
  for (const { name, arrays: kept = {} } of saved) {
    for (const [key, data] of Object.entries(kept)) arrays.set(`callback/${name}/${key}`, data);
  }
  const info: CheckpointInfo = {
    saturnn: version,
    ...run,
    machine,
    position,
    schedule: scheduleState,
    callbacks: Object.fromEntries(saved.map(({ name, state: kept = null }) => [name, kept])),
  };
  return { info, arrays };
}

/** Bytes that a checkpoint has beside its arrays, at most: names, settings and what callbacks save as JSON. */
const jsonBytes = 2 ** 20;

/**
 * Returns the sizes of a training's files in bytes before there are any: those of a checkpoint, at most, and of the weights.
 * @throws ERR_UNSUPPORTED if no checkpoint can be made of a State of this size
 */
export function sizesOf(state: State, callbacks: readonly Callback[]): { checkpoint: number; weights: number } {
  for (const arena of savedArenas) state.requireReadable(arena);
  const arenas = savedArenas.reduce((sum, arena) => sum + state.bytesOf(arena), 0);
  const weights = state.bytesOf('parameters') + state.bytesOf('buffers');
  // It keeps the weights of the best epoch and their averages.
  const kept = callbacks.some((callback) => callback instanceof EarlyStopping)
    ? weights + state.bytesOf('parameters')
    : 0;
  return { checkpoint: arenas + kept + jsonBytes, weights: weights + jsonBytes };
}

/**
 * Sets state, position, schedule and callbacks to those of a checkpoint.
 * @param source path of the checkpoint
 * @param here description of this run
 * @param asked the settings that may differ, and a factor on the learning rates
 * @returns what has changed; null if nothing has
 * @throws ERR_CHECKPOINT if the checkpoint belongs to another run or cannot be restored. Everything is then as before; only a
 * callback that has restore() but no save() keeps what it was given
 */
export async function applyCheckpoint(
  source: string,
  checkpoint: Checkpoint,
  options: ResolvedOptions,
  state: State,
  cursor: Cursor,
  here: RunDescription,
  asked: ResolvedRestore,
): Promise<SettingsChange | null> {
  const { info } = checkpoint;
  checkSame(source, 'model', info.model, here.model);
  checkSame(source, 'training set', info.train, here.train);
  checkSame(source, 'test set', info.test ?? none, here.test ?? none);
  const changed = changesOf(source, info.settings, here.settings, asked.change);
  await state.on(options.device);
  const undo = await remember(options, state, cursor);
  try {
    await setAll(checkpoint, options, state, cursor, changed);
  } catch (error) {
    const left = await undo();
    const also = left.length > 0 ? `; these could not be set back: ${left.join(', ')}` : '';
    const message = `${source} cannot be restored: ${(error as Error).message}${also}`;
    throw new SaturnnError('ERR_CHECKPOINT', message, { cause: error });
  }
  for (const callback of options.callbacks) callback.restored?.();
  return noteChange(cursor, changed, asked);
}

/** Adds a change to the cursor. @returns it; null if nothing has changed */
function noteChange(
  cursor: Cursor,
  changed: readonly ChangedSetting[],
  { rateFactor, reason }: ResolvedRestore,
): SettingsChange | null {
  const from = cursor.rateFactor;
  // A new learning rate is meant as it is: factors on the old one do not apply to it.
  const isNewRate = changed.some(({ name }) => name === 'learningRate');
  const to = (isNewRate ? 1 : from) * rateFactor;
  const factor = to === from ? [] : [{ name: 'rateFactor', from, to }];
  const all = [...changed, ...factor];
  if (all.length === 0) return null;
  const change: SettingsChange = { step: cursor.step, changed: all, ...(reason !== undefined && { reason }) };
  cursor.rateFactor = to;
  cursor.changes = [...cursor.changes, change];
  return change;
}

async function setAll(
  { info, arrays }: Checkpoint,
  { test, schedule, callbacks, loss }: ResolvedOptions,
  state: State,
  cursor: Cursor,
  changed: readonly ChangedSetting[],
): Promise<void> {
  const { step } = info.position;
  const counted = stepsIn(arrays.get('buffers') ?? new Uint8Array(0));
  if (counted !== step) throw invalid('steps in the buffers', `${step}`, counted);
  for (const arena of savedArenas) await state.writeArena(arena, arrays.get(arena) ?? new Uint8Array(0));
  cursor.restore(info.position, decodeHistory(arrays.get(historyName), test?.role, loss.kind), paceOf(info));
  // Another schedule cannot use what this one has remembered.
  const isOther = changed.some(({ name }) => name === 'learningRate');
  if (info.schedule !== null && !isOther) schedule.restore?.(info.schedule);
  for (const callback of callbacks) callback.restore?.(savedOf(callback.name, { info, arrays }));
}

/** Returns the batch of the run that has written a checkpoint, and its steps per epoch. */
function paceOf({ settings, train }: CheckpointInfo): Pace {
  const batch = checkInteger('batch of the checkpoint', settings.batch, 1);
  return { batch, stepsPerEpoch: Math.ceil(checkInteger('count of the checkpoint', train.count, 1) / batch) };
}

/** Remembers state, position, schedule and callbacks. @returns a function that sets them back, and names what refuses that */
async function remember({ schedule, callbacks }: ResolvedOptions, state: State, cursor: Cursor) {
  const arenas = await Promise.all(savedArenas.map(async (arena) => [arena, await state.readArena(arena)] as const));
  const before = { ...cursor };
  const scheduled = schedule.save?.();
  const saved = callbacks.map((callback) => callback.save?.());
  return async (): Promise<string[]> => {
    for (const [arena, bytes] of arenas) await state.writeArena(arena, bytes);
    Object.assign(cursor, before);
    const left: string[] = [];
    const setBack = (what: string, restore: () => void) => {
      try {
        restore();
      } catch {
        left.push(what);
      }
    };
    if (scheduled !== undefined) setBack('the schedule', () => schedule.restore?.(scheduled));
    callbacks.forEach((callback, index) => {
      const before = saved[index];
      if (before) setBack(`callback "${callback.name}"`, () => callback.restore?.(before));
    });
    return left;
  };
}

/** Returns the saved state of the callback with this name; `state` is undefined if the checkpoint has none. */
function savedOf(name: string, { info, arrays }: Checkpoint): SavedCallback {
  const prefix = `callback/${name}/`;
  const own = [...arrays]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, data]) => [key.slice(prefix.length), data]);
  return { state: info.callbacks[name] ?? undefined, arrays: Object.fromEntries(own) };
}
