/** Stores the epoch events of a run in its checkpoints, so that results do not depend on the log. */
import { SaturnnError } from '../../errors';
import { type MetricsKind, metricsOfKind } from '../../evaluation/metrics';
import { type EpochEvent, metricIn, ofSet, withoutTest } from '../../optim/metric';

/** Name of the array in a checkpoint. */
export const historyName = 'epochs';

/** The fields of an EpochEvent, each one float64 in this order. Fields that come later are added at the end. */
const fields = [
  ...(['epoch', 'step', 'complete', 'trainLoss', 'trainAccuracy', 'testLoss', 'testAccuracy', 'testTop5'] as const),
  ...(['learningRate', 'imagesPerSecond'] as const),
] satisfies readonly (keyof EpochEvent)[];

/**
 * The metrics that follow them in each row if the network computes no classes: those of training, and those of the test set, before
 * which a number says whether there are any (1, else 0). Their accuracies are NaN.
 */
const othersOf = (kind: MetricsKind) => (kind === 'classes' ? [] : metricsOfKind(kind));
const rowLength = (kind: MetricsKind): number =>
  fields.length + (kind === 'classes' ? 0 : 1 + 2 * othersOf(kind).length);

/** The values of `complete` in the file: 2 and 3 are events whose `scheduled` differs from it. */
const unscheduled = 2;
const withinEpoch = 3;

function storedAs(event: EpochEvent, field: (typeof fields)[number]): number {
  if (field !== 'complete' || event.scheduled === undefined) return Number(event[field]);
  return event.complete ? unscheduled : withinEpoch;
}

/**
 * Returns the events as bytes: float64 [events, 10], or more if the network computes no classes. Absent metrics are NaN. NaN and infinity
 * are kept, which JSON has no words for.
 */
export function encodeHistory(events: readonly EpochEvent[], kind: MetricsKind = 'classes'): Uint8Array {
  const values = events.flatMap((event) => {
    const own = fields.map((field) => storedAs(event, field));
    if (kind === 'classes') return own;
    const others = (set: 'train' | 'test') => othersOf(kind).map((name) => metricIn(event, set, name) ?? Number.NaN);
    return [...own, ...others('train'), Number(event.testLoss !== undefined), ...others('test')];
  });
  return new Uint8Array(Float64Array.from(values).buffer);
}

/**
 * Returns the events of encodeHistory(); none if there are no bytes.
 * @param role that of the set that was evaluated, if it is a validation set
 * @param kind what the network computes
 * @throws ERR_CHECKPOINT if their number does not fit
 */
export function decodeHistory(
  bytes: Uint8Array = new Uint8Array(0),
  role?: 'validation',
  kind: MetricsKind = 'classes',
): EpochEvent[] {
  const rowBytes = rowLength(kind) * Float64Array.BYTES_PER_ELEMENT;
  if (bytes.length % rowBytes !== 0)
    throw new SaturnnError(
      'ERR_CHECKPOINT',
      `the history of epochs has ${bytes.length} bytes, not a multiple of ${rowBytes}`,
    );
  const values = new Float64Array(new Uint8Array(bytes).buffer);
  return Array.from({ length: bytes.length / rowBytes }, (_, row) =>
    decodeEvent(values.subarray(row * rowLength(kind), (row + 1) * rowLength(kind)), kind, role),
  );
}

function decodeEvent(row: Float64Array, kind: MetricsKind, role?: 'validation'): EpochEvent {
  const own = Object.fromEntries(fields.map((field, index) => [field, row[index]]));
  const complete = own.complete === 1 || own.complete === unscheduled;
  const scheduled = own.complete === withinEpoch || own.complete === unscheduled ? { scheduled: !complete } : {};
  const event = { ...own, event: 'epoch', complete, ...scheduled } as unknown as EpochEvent;
  const evaluated = role && { evaluated: role };
  // The accuracies of an evaluation are fractions, never NaN.
  if (kind === 'classes') return Number.isNaN(event.testAccuracy) ? withoutTest(event) : { ...event, ...evaluated };
  const { trainAccuracy, testAccuracy, testTop5, ...others } = event;
  const names = othersOf(kind);
  const measured = (set: 'train' | 'test', first: number, loss: number) => {
    const all = Object.fromEntries(names.map((name, index) => [name, row[first + index]!]));
    return ofSet(set, { loss, ...all });
  };
  const train = { ...others, ...measured('train', fields.length, event.trainLoss) };
  const isTested = fields.length + names.length;
  if (row[isTested] !== 1) return withoutTest(train);
  return { ...train, ...measured('test', isTested + 1, event.testLoss!), ...evaluated };
}
