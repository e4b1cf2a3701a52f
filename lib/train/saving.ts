/** From a Trainer's parts to a checkpoint, and back. */
import { invalid, SaturnnError } from '../errors';
import type { State } from '../state';
import type { SavedCallback } from './callback';
import type { Checkpoint } from './checkpoint';
import {
  type CheckpointInfo,
  checkSame,
  type Description,
  describeModel,
  describeSource,
  packageVersion,
} from './checkpointInfo';
import type { Cursor } from './cursor';
import { describeSettings, type ResolvedOptions } from './trainerOptions';

/** Gradients are scratch, and not among them. */
const savedArenas = ['parameters', 'optimizer', 'buffers'] as const;

export async function takeCheckpoint(
  options: ResolvedOptions,
  state: State,
  cursor: Cursor,
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
    saturnn: packageVersion(),
    ...(await describeRun(options, state)),
    machine,
    position,
    schedule: scheduleState,
    callbacks: Object.fromEntries(saved.map(({ name, state: kept = null }) => [name, kept])),
  };
  return { info, arrays };
}

/**
 * @throws ERR_CHECKPOINT if the checkpoint, read from `source`, is of another run: nothing has changed then; or if a
 * callback refuses what it is given: callbacks before it keep theirs
 */
export async function applyCheckpoint(
  source: string,
  { info, arrays }: Checkpoint,
  options: ResolvedOptions,
  state: State,
  cursor: Cursor,
): Promise<void> {
  const here = await describeRun(options, state);
  checkSame(source, 'model', info.model, here.model);
  checkSame(source, 'training set', info.train, here.train);
  checkSame(source, 'test set', info.test, here.test);
  checkSame(source, 'run: its settings differ', info.settings, here.settings);
  await state.on(options.device);
  const before = await Promise.all(savedArenas.map(async (arena) => [arena, await state.readArena(arena)] as const));
  const position = cursor.save();
  const scheduleState = options.schedule.save?.();
  try {
    const { step } = info.position;
    const { buffer, byteLength } = Uint8Array.from(arrays.get('buffers') ?? []);
    const steps = byteLength < 8 ? undefined : new DataView(buffer).getInt32(4, true);
    if (steps !== step) throw invalid('steps of the counter', `${step}`, steps);
    for (const arena of savedArenas) await state.writeArena(arena, arrays.get(arena) ?? new Uint8Array(0));
    cursor.restore(info.position);
    if (info.schedule !== null) options.schedule.restore?.(info.schedule);
    for (const callback of options.callbacks) {
      callback.restore?.(savedOf(callback.name, { info, arrays }));
    }
  } catch (error) {
    for (const [arena, bytes] of before) await state.writeArena(arena, bytes);
    cursor.restore(position);
    if (scheduleState !== undefined) options.schedule.restore?.(scheduleState);
    const message = `${source} cannot be restored: ${(error as Error).message}`;
    throw new SaturnnError('ERR_CHECKPOINT', message, { cause: error });
  }
}

async function describeRun(options: ResolvedOptions, state: State) {
  const parts = described.get(state) ?? describeParts(options, state);
  described.set(state, parts);
  // Not kept: the next attempt may be able to read.
  parts.catch(() => described.delete(state));
  return { ...(await parts), settings: describeSettings(options) };
}

/** Of a Trainer's State: images are read and a graph is built, which is not done again for every checkpoint. */
const described = new WeakMap<State, ReturnType<typeof describeParts>>();

async function describeParts({ model, train, test }: ResolvedOptions, state: State) {
  const [trainSet, testSet] = await Promise.all([describeSource(train), describeSource(test)]);
  return { model: describeModel(model, state), train: trainSet, test: testSet };
}

/** What a callback of this name has saved; without state if there was none. */
function savedOf(name: string, { info, arrays }: Checkpoint): SavedCallback {
  const prefix = `callback/${name}/`;
  const own = [...arrays]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, data]) => [key.slice(prefix.length), data]);
  return { state: info.callbacks[name] ?? undefined, arrays: Object.fromEntries(own) };
}
