/** Makes a checkpoint from the parts of a Trainer, and sets them to a checkpoint. */
import { invalid, SaturnnError } from '../../errors';
import { type State, savedArenas, stepsIn } from '../../tensor/state';
import { version } from '../../version';
import type { Callback, SavedCallback } from '../callback';
import { EarlyStopping } from '../callbacks/earlyStopping';
import { describeSettings, type ResolvedOptions } from '../trainerOptions';
import type { Checkpoint } from './checkpoint';
import { type CheckpointInfo, checkSame, type Description, describeModel, describeSource } from './checkpointInfo';
import type { Cursor } from './cursor';

/** The parts of CheckpointInfo that must be equal in a checkpoint and in the run that goes on from it. */
export type RunDescription = Pick<CheckpointInfo, 'model' | 'train' | 'test' | 'settings'>;

/** Describes the run of a Trainer. The result does not change during the Trainer's life. */
export async function describeRun(options: ResolvedOptions, state: State): Promise<RunDescription> {
  const [train, test] = await Promise.all([describeSource(options.train), describeSource(options.test)]);
  return { model: describeModel(options.model, state), train, test, settings: describeSettings(options) };
}

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
  const arrays = new Map<string, Uint8Array>(arenas);
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
): Promise<void> {
  const { info } = checkpoint;
  checkSame(source, 'model', info.model, here.model);
  checkSame(source, 'training set', info.train, here.train);
  checkSame(source, 'test set', info.test, here.test);
  checkSame(source, 'run: its settings differ', info.settings, here.settings);
  await state.on(options.device);
  const undo = await remember(options, state, cursor);
  try {
    await setAll(checkpoint, options, state, cursor);
  } catch (error) {
    const left = await undo();
    const also = left.length > 0 ? `; these could not be set back: ${left.join(', ')}` : '';
    const message = `${source} cannot be restored: ${(error as Error).message}${also}`;
    throw new SaturnnError('ERR_CHECKPOINT', message, { cause: error });
  }
  for (const callback of options.callbacks) callback.restored?.();
}

async function setAll(
  { info, arrays }: Checkpoint,
  { schedule, callbacks }: ResolvedOptions,
  state: State,
  cursor: Cursor,
): Promise<void> {
  const { step } = info.position;
  const counted = stepsIn(arrays.get('buffers') ?? new Uint8Array(0));
  if (counted !== step) throw invalid('steps in the buffers', `${step}`, counted);
  for (const arena of savedArenas) await state.writeArena(arena, arrays.get(arena) ?? new Uint8Array(0));
  cursor.restore(info.position);
  if (info.schedule !== null) schedule.restore?.(info.schedule);
  for (const callback of callbacks) callback.restore?.(savedOf(callback.name, { info, arrays }));
}

/** Remembers state, position, schedule and callbacks. @returns a function that sets them back, and names what refuses that */
async function remember({ schedule, callbacks }: ResolvedOptions, state: State, cursor: Cursor) {
  const arenas = await Promise.all(savedArenas.map(async (arena) => [arena, await state.readArena(arena)] as const));
  const position = cursor.save();
  const scheduled = schedule.save?.();
  const saved = callbacks.map((callback) => callback.save?.());
  return async (): Promise<string[]> => {
    for (const [arena, bytes] of arenas) await state.writeArena(arena, bytes);
    cursor.restore(position);
    if (scheduled !== undefined) schedule.restore?.(scheduled);
    return callbacks.flatMap((callback, index) => {
      const before = saved[index];
      if (!before) return [];
      try {
        callback.restore?.(before);
        return [];
      } catch {
        return `callback "${callback.name}"`;
      }
    });
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
