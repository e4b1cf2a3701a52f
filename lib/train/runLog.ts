/** Reads metrics.jsonl of a run. The log is for people and charts: results come from the Trainer and its checkpoints. */
import { existsSync } from 'node:fs';
import { reasonOf, SaturnnError } from '../errors';
import { largestText } from '../files/json';
import { readWhole } from '../files/read';
import type { EpochEvent } from '../optim/metric';
import type { RunEvents } from './curves';
import type { StepEvent } from './events';

/** The fields that a line must have as numbers to be an event of its kind. */
const numbers = {
  epoch: ['epoch', 'step', 'trainLoss', 'imagesPerSecond'],
  step: ['epoch', 'step', 'loss'],
} as const;

/**
 * Returns the epoch and step events of a log, those before a resume included; none if there is no such file. Lines that are
 * damaged, or half written because the run still goes on, are left out: a resumed run reports lines that were lost.
 * @throws ERR_CHECKPOINT if the file cannot be read
 */
export function readEvents(log: string): RunEvents {
  if (!existsSync(log)) return { epochs: [], steps: [] };
  const events = readLog(log).split('\n').map(parseLine);
  const isEvent = (kind: keyof typeof numbers, event: Readonly<Record<string, unknown>>): boolean =>
    event.event === kind && numbers[kind].every((field) => typeof event[field] === 'number');
  return {
    epochs: events.filter((event) => isEvent('epoch', event)) as unknown as EpochEvent[],
    steps: events.filter((event) => isEvent('step', event)) as unknown as StepEvent[],
  };
}

/** Returns the object of a line; {} if it holds none. JSON has no NaN: a loss that overflowed was written as null. */
function parseLine(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line, (_, item) => (item === null ? Number.NaN : item));
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

/** Returns the text of a log, which must be a regular file. */
function readLog(path: string): string {
  try {
    return readWhole(path, largestText).toString('utf8');
  } catch (error) {
    throw new SaturnnError('ERR_CHECKPOINT', `Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
