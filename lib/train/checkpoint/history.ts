/** Stores the epoch events of a run in its checkpoints, so that results do not depend on the log. */
import { SaturnnError } from '../../errors';
import type { EpochEvent } from '../../optim/metric';

/** Name of the array in a checkpoint. */
export const historyName = 'epochs';

/** The fields of an EpochEvent, each one float64 in this order. Fields that come later are added at the end. */
const fields = [
  ...(['epoch', 'step', 'complete', 'trainLoss', 'trainAccuracy', 'testLoss', 'testAccuracy', 'testTop5'] as const),
  ...(['learningRate', 'imagesPerSecond'] as const),
] satisfies readonly (keyof EpochEvent)[];
const rowBytes = fields.length * Float64Array.BYTES_PER_ELEMENT;

/** Returns an event without metrics of a test set. Those of an evaluation are never all NaN: its accuracies are fractions. */
function withoutTest({ testLoss, testAccuracy, testTop5, evaluated, ...event }: EpochEvent): EpochEvent {
  return event;
}

/** The values of `complete` in the file: 2 and 3 are events whose `scheduled` differs from it. */
const unscheduled = 2;
const withinEpoch = 3;

function storedAs(event: EpochEvent, field: (typeof fields)[number]): number {
  if (field !== 'complete' || event.scheduled === undefined) return Number(event[field]);
  return event.complete ? unscheduled : withinEpoch;
}

/** Returns the events as bytes: float64 [events, 10]. Absent metrics are NaN. NaN and infinity are kept, which JSON has no words for. */
export function encodeHistory(events: readonly EpochEvent[]): Uint8Array {
  const values = Float64Array.from(events.flatMap((event) => fields.map((field) => storedAs(event, field))));
  return new Uint8Array(values.buffer);
}

/**
 * Returns the events of encodeHistory(); none if there are no bytes.
 * @param role that of the set that was evaluated, if it is a validation set
 * @throws ERR_CHECKPOINT if their number does not fit
 */
export function decodeHistory(bytes: Uint8Array = new Uint8Array(0), role?: 'validation'): EpochEvent[] {
  if (bytes.length % rowBytes !== 0)
    throw new SaturnnError(
      'ERR_CHECKPOINT',
      `the history of epochs has ${bytes.length} bytes, not a multiple of ${rowBytes}`,
    );
  const values = new Float64Array(new Uint8Array(bytes).buffer);
  return Array.from({ length: bytes.length / rowBytes }, (_, row) => {
    const own = Object.fromEntries(fields.map((field, index) => [field, values[row * fields.length + index]]));
    const complete = own.complete === 1 || own.complete === unscheduled;
    const scheduled = own.complete === withinEpoch || own.complete === unscheduled ? { scheduled: !complete } : {};
    const event = { ...own, event: 'epoch', complete, ...scheduled } as unknown as EpochEvent;
    return Number.isNaN(event.testAccuracy) ? withoutTest(event) : { ...event, ...(role && { evaluated: role }) };
  });
}
