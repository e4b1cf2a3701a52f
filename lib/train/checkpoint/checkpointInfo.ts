/** Describes the run that a checkpoint belongs to, and compares it with the run that is to go on from it. */
import { createHash } from 'node:crypto';
import { Graph } from '../../compile/graph';
import type { PlanKernel } from '../../compile/planKernels';
import { type ImageSource, imageBytes } from '../../data/source';
import { SaturnnError } from '../../errors';
import { TrainingContext } from '../../layers/context';
import { forwardOf, type Model } from '../../models/model';
import { formatActivation } from '../../ops/activation';
import type { EpochEvent } from '../../optim/metric';
import type { Device } from '../../runtime/device';
import { layOutParameters } from '../../tensor/arena';
import type { State } from '../../tensor/state';
import { input } from '../../tensor/tensor';
import type { SavedTally } from './tally';

/** A setting that has changed. */
export interface ChangedSetting {
  /** Its name: "batch", "optimizer.clipNorm", or "rateFactor". */
  readonly name: string;
  /** JSON value before the change. */
  readonly from: unknown;
  /** JSON value after the change. */
  readonly to: unknown;
}

/** A change of a run's settings. */
export interface SettingsChange {
  /** Steps done before the change. */
  readonly step: number;
  /** The settings that have changed, and their values. */
  readonly changed: readonly ChangedSetting[];
  /** Why, if that was given. */
  readonly reason?: string;
}

/** The progress of a training: the steps that are done, and the epoch under way. */
export interface Position {
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** Index of the epoch under way, from 0. It increases with the epoch's event, not yet with the epoch's last step. */
  readonly epoch: number;
  /** Sums of loss and accuracy over the steps of the epoch under way. */
  readonly tally: SavedTally;
  /** The last epoch event, or null before the first. */
  readonly reported: EpochEvent | null;
  /** The reason with which a callback has ended training at the last event; null if training was to go on. */
  readonly stopping: string | null;
  /**
   * Number that a step is more, or less, than it would be if every epoch had had as many steps as the present ones; absent: 0. It
   * changes when the batch does.
   */
  readonly shift?: number;
  /** Factor on all learning rates of the schedule; absent: 1. */
  readonly rateFactor?: number;
  /** Changes of settings so far, in order; absent: none. */
  readonly changes?: readonly SettingsChange[];
}

/** JSON values by name. Messages name a value that differs by its key. */
export type Description = Readonly<Record<string, unknown>>;

/** A description of the run that a checkpoint belongs to, in JSON values. */
export interface CheckpointInfo {
  /** Version of the package that wrote the checkpoint. */
  readonly saturnn: string;
  /** Names, shapes and order of the model's parameters and buffers, and a hash of its computation. Must be equal on restore. */
  readonly model: Description;
  /** Size, shape and classes of the training set, and a hash of its labels and of some images. Must be equal on restore. */
  readonly train: Description;
  /** The same of the test set; null if there is none. */
  readonly test: Description | null;
  /** Batch size, seed, precision, optimizer, schedule and the other options of the Trainer. Must be equal on restore. */
  readonly settings: Description;
  /** The file of weights with which the training began (CardOrigin of lib/train/modelFile); absent if they were random. */
  readonly from?: object;
  /** Processor, threads, library versions and kernels. If they differ, a resumed run is not promised to be equal bit for bit. */
  readonly machine: Description;
  /** Progress of the training: steps done, epoch under way, sums of its loss and accuracy, last epoch event. */
  readonly position: Position;
  /** The result of the schedule's save(); null if it has none. */
  readonly schedule: unknown;
  /** The `state` of each callback's save(), by its name; null if it has none. */
  readonly callbacks: Readonly<Record<string, unknown>>;
}

/** Returns the SHA-256 of a JSON value. */
export const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/**
 * Describes everything that gives the bytes of the arenas a meaning: names, shapes and order of parameters and buffers, the
 * activation, and a hash of all ops with their attributes. The hash covers what has no field here, such as a dropout rate.
 */
export function describeModel(model: Model, state: State): Description {
  const part = ({ name, shape }: { name: string; shape: readonly number[] }) => `"${name}" [${shape}]`;
  const parts = {
    name: model.name,
    activation: formatActivation(model.activation),
    inputShape: [...model.inputShape],
    optimizerSlots: state.optimizerSlots,
    // In the order that they have if none is frozen: a run that freezes others differs in that setting, not in its model.
    parameters: layOutParameters([...model.parameters], []).trained.map(part),
    buffers: state.buffers.map(part),
  };
  return { ...parts, computation: hashOf(computationOf(model, state)) };
}

/**
 * Returns op, attributes, inputs and output shapes of every node of a forward pass in training. The batch has two images, the
 * fewest that batch normalisation accepts.
 */
function computationOf(model: Model, state: State): unknown {
  const x = input('x', [2, ...model.inputShape]);
  const { nodes } = Graph.from({ outputs: { y: forwardOf(model, x, new TrainingContext(state.counter)) } });
  const places = new Map(nodes.map((node, place) => [node, place]));
  return nodes.map(({ op, attributes, inputs, outputs }) => [
    op.name,
    attributes,
    inputs.map((tensor) => tensor && [places.get(tensor.node), tensor.output]),
    outputs.map(({ shape }) => shape),
  ]);
}

/** Bytes of images that are hashed, at the beginning of a data set and again at its end. */
const sampleBytes = 2 ** 20;

/** Describes a data set: its size, and a hash of all labels, targets and weights, and some of the images. */
export async function describeSource(source: ImageSource): Promise<Description> {
  const { count, shape, classes, labels, targets, weights, origin } = source;
  const rows = Math.min(count, Math.max(1, Math.floor(sampleBytes / imageBytes(source))));
  const sum = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of [labels, targets?.values, weights].filter((array) => !!array))
    sum.update(new Uint8Array(buffer, byteOffset, byteLength));
  const images = new Uint8Array(rows * imageBytes(source));
  for (const first of [0, count - rows]) {
    await source.read(
      Int32Array.from({ length: rows }, (_, row) => first + row),
      images,
    );
    sum.update(images);
  }
  return {
    ...{ count, shape: [...shape], classes },
    // Left out if there are none: checkpoints of earlier versions do not have them.
    ...(targets && { targets: targets.width }),
    ...(weights && { weights: true }),
    ...(origin && { origin }),
    content: sum.digest('hex'),
  };
}

/**
 * Describes everything else that the bits of a result depend on: the processor, its threads, the versions of libraries, and a
 * hash of the kernels that were chosen.
 */
export function describeMachine(device: Device, kernels: readonly PlanKernel[] | null): Description {
  // Limits change often and have no influence on results: the number of threads, which has, is there by itself.
  const { memory, memoryLimit, processorQuota, ...info } = device.info;
  const chosen = kernels?.map(({ op, name, implementation }) => `${op} ${name} ${implementation}`);
  return { device: device.name, ...info, kernels: chosen ? hashOf(chosen) : null };
}

/**
 * Checks that a part of a checkpoint's description equals this run's.
 * @param source path of the checkpoint
 * @param what the part, for the message: "model", "training set"
 * @throws ERR_CHECKPOINT naming the first difference
 */
export function checkSame(source: string, what: string, saved: Description, here: Description): void {
  const difference = firstDifference(saved, here);
  if (!difference) return;
  throw new SaturnnError('ERR_CHECKPOINT', `${source} belongs to another ${what}: ${difference}`);
}

/**
 * Returns the first difference in words, e.g. "batch is 16 there and 32 here" (there: in `saved`); null if there is none.
 * `within` is written before the name of the value, e.g. "optimizer.".
 */
export function firstDifference(saved: Description, here: Description, within = ''): string | null {
  for (const key of new Set([...Object.keys(here), ...Object.keys(saved ?? {})])) {
    const [there, now] = [saved?.[key], here[key]];
    if (JSON.stringify(there) === JSON.stringify(now)) continue;
    const name = within + key;
    if (isDescription(there) && isDescription(now)) return firstDifference(there, now, `${name}.`);
    // A list of objects (groups of parameters) may be long: only the first that differs is named.
    if (isDescriptions(there) && isDescriptions(now)) return firstDifference({ ...there }, { ...now }, `${name}.`);
    // A list of names may be long too: only the first that differs is shown. A list of numbers, such as a shape, is shown whole.
    if (!isNames(there) || !isNames(now)) return between(name, there, now);
    const length = Math.max(there.length, now.length);
    const at = Array.from({ length }, (_, i) => i).find((i) => there[i] !== now[i])!;
    return between(`${name}[${at}]`, there[at], now[at]);
  }
  return null;
}

const isDescription = (value: unknown): value is Description =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isDescriptions = (value: unknown): value is readonly Description[] =>
  Array.isArray(value) && value.every(isDescription);

const isNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const between = (name: string, there: unknown, here: unknown): string =>
  `${name} is ${text(there)} there and ${text(here)} here`;

const text = (value: unknown): string =>
  value === undefined ? 'absent' : typeof value === 'string' ? value : JSON.stringify(value);
