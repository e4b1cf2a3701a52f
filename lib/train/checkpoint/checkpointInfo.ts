/** What a checkpoint says of the run that it belongs to, and whether this run is the same. */
import { createHash } from 'node:crypto';
import { Graph } from '../../compile/graph';
import type { PlanKernel } from '../../compile/planKernels';
import { type ImageSource, imageBytes } from '../../data/source';
import { SaturnnError } from '../../errors';
import { TrainingContext } from '../../layers/context';
import type { Model } from '../../models/model';
import { formatActivation } from '../../ops/activation';
import type { Device } from '../../runtime/device';
import type { State } from '../../tensor/state';
import { input } from '../../tensor/tensor';
import type { EpochEvent } from '../events';
import type { SavedTally } from './tally';

/** Where training stands. */
export interface Position {
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** The epoch under way, 0 for the first; behind `step` if its last step is done, but its evaluation is not. */
  readonly epoch: number;
  /** Of the epoch under way. */
  readonly tally: SavedTally;
  /** The last epoch event. */
  readonly reported: EpochEvent | null;
  /** Why training was to stop at the last event; null: it was to go on. */
  readonly stopping: string | null;
}

/** JSON values by name. What differs is named by its key. */
export type Description = Readonly<Record<string, unknown>>;

export interface CheckpointInfo {
  /** Version of the package. */
  readonly saturnn: string;
  readonly model: Description;
  readonly train: Description;
  readonly test: Description;
  readonly settings: Description;
  /** What bit-equality depends on beside these. */
  readonly machine: Description;
  readonly position: Position;
  readonly schedule: unknown;
  readonly callbacks: Readonly<Record<string, unknown>>;
}

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/**
 * Everything that gives the arenas their meaning: names, shapes and order of parameters and buffers, activation; and what
 * is computed with them, op by op, which holds what has no name here (the rate of a dropout).
 */
export function describeModel(model: Model, state: State): Description {
  const part = ({ name, shape }: { name: string; shape: readonly number[] }) => `"${name}" [${shape}]`;
  const parts = {
    name: model.name,
    activation: formatActivation(model.activation),
    inputShape: [...model.inputShape],
    optimizerSlots: state.optimizerSlots,
    parameters: state.parameters.map(part),
    buffers: state.buffers.map(part),
  };
  return { ...parts, computation: hashOf(computationOf(model, state)) };
}

/** The nodes of a forward pass in training of two images, the fewest that can be normalised: ops, their attributes, what they read, shapes. */
function computationOf(model: Model, state: State): unknown {
  const x = input('x', [2, ...model.inputShape]);
  const { nodes } = Graph.from({ outputs: { y: model.forward(x, new TrainingContext(state.counter)) } });
  const places = new Map(nodes.map((node, place) => [node, place]));
  return nodes.map(({ op, attributes, inputs, outputs }) => [
    op.name,
    attributes,
    inputs.map((tensor) => tensor && [places.get(tensor.node), tensor.output]),
    outputs.map(({ shape }) => shape),
  ]);
}

/** Bytes of images that are looked at, at the beginning and at the end. */
const sampleBytes = 2 ** 20;

/** Its size, all labels, and some of the images. */
export async function describeSource(source: ImageSource): Promise<Description> {
  const { count, shape, classes, labels } = source;
  const rows = Math.min(count, Math.max(1, Math.floor(sampleBytes / imageBytes(source))));
  const sum = createHash('sha256').update(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength));
  const images = new Uint8Array(rows * imageBytes(source));
  for (const first of [0, count - rows]) {
    await source.read(
      Int32Array.from({ length: rows }, (_, row) => first + row),
      images,
    );
    sum.update(images);
  }
  return { count, shape: [...shape], classes, content: sum.digest('hex') };
}

/** Numbers depend on the processor, its threads, the libraries, and the kernels that they chose. */
export function describeMachine(device: Device, kernels: readonly PlanKernel[] | null): Description {
  // Memory says nothing about numbers, and is what changes most.
  const { memory, ...info } = device.info;
  const chosen = kernels?.map(({ op, name, implementation }) => `${op} ${name} ${implementation}`);
  return { device: device.name, ...info, kernels: chosen ? hashOf(chosen) : null };
}

/**
 * @throws ERR_CHECKPOINT naming the first difference between a checkpoint and this run, if there is one. `what`: "model",
 * `source`: the checkpoint's path.
 */
export function checkSame(source: string, what: string, saved: Description, here: Description): void {
  const difference = firstDifference(saved, here);
  if (!difference) return;
  throw new SaturnnError('ERR_CHECKPOINT', `${source} is of another ${what}: ${difference}`);
}

/** "batch is 16 there and 32 here"; null if there is none. `within`: what the descriptions describe. */
export function firstDifference(saved: Description, here: Description, within = ''): string | null {
  for (const key of new Set([...Object.keys(here), ...Object.keys(saved ?? {})])) {
    const [there, now] = [saved?.[key], here[key]];
    if (JSON.stringify(there) === JSON.stringify(now)) continue;
    const name = within + key;
    if (isDescription(there) && isDescription(now)) return firstDifference(there, now, `${name}.`);
    // Groups of parameters: there may be many.
    if (isDescriptions(there) && isDescriptions(now)) return firstDifference({ ...there }, { ...now }, `${name}.`);
    // Of lists of names the first that differs; of shapes and the like all.
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
