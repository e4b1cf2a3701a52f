/** Shows the progress of a training run: a bar on a terminal, plain lines anywhere else, or every event as a line of JSON. */
import { SingleBar } from 'cli-progress';
import { visible } from '../../errors';
import { type MetricName, metricNames, metricTable, metricText } from '../../evaluation/metrics';
import { type EpochEvent, metricIn } from '../../optim/metric';
import { formatDuration } from '../../report/number';
import { describeChange } from '../../train/checkpoint/changes';
import type { TrainEvent } from '../../train/events';

export interface Progress {
  show(event: TrainEvent): void;
  /** Takes the bar off the terminal. */
  stop(): void;
}

/** Seconds between plain lines within an epoch. */
const lineInterval = 10;

/** Formats a fraction: 0.5 is "50.00 %". */
export const percent = (fraction: number): string => `${(100 * fraction).toFixed(2)} %`;

export interface ProgressOptions {
  /** Steps of the whole run. */
  steps: number;
  /** Steps that an earlier part of the run has done. */
  done: number;
  stepsPerEpoch: number;
  json: boolean;
  /** The stream that is written to; default stdout. */
  stream?: NodeJS.WriteStream;
}

export function createProgress(options: ProgressOptions): Progress {
  const { steps, done, stepsPerEpoch, json, stream = process.stdout } = options;
  if (json) return { show: (event) => stream.write(visible(`${JSON.stringify(event)}\n`)), stop: () => {} };
  const epochs = Math.ceil(steps / stepsPerEpoch);
  return stream.isTTY ? terminalProgress(stream, steps, done, epochs) : plainProgress(stream, steps, epochs);
}

/** Returns the line that an event leaves behind; null if it leaves none. */
function lineOf(event: TrainEvent, epochs: number): string | null {
  if (event.event === 'epoch') return epochLine(event, epochs);
  if (event.event === 'stopped') return visible(`stopped after epoch ${event.epoch}: ${event.reason}\n`);
  if (event.event === 'changed') return visible(`changed after step ${event.step}: ${describeChange(event)}\n`);
  if (event.event === 'warning') return visible(`warning: ${event.message}\n`);
  return null;
}

/** Returns the stream for an event's line: warnings go to stderr, because stdout is for results. */
const streamOf = ({ event }: TrainEvent, stream: NodeJS.WriteStream) => (event === 'warning' ? process.stderr : stream);

/** Returns the loss and the first metric beside it: "loss 0.123, accuracy 50.00 %". A metric that is not finite is null in JSON. */
export function metricsText(event: Partial<EpochEvent>, set: 'train' | 'test', digits: number): string {
  const names = metricNames.filter((name) => metricIn(event, set, name) !== undefined).slice(0, 2);
  const text = (name: MetricName, value: number | null | undefined) =>
    `${metricTable[name].words} ${value === null || value === undefined ? 'not finite' : metricText(name, value, digits)}`;
  return names.map((name) => text(name, metricIn(event, set, name))).join(', ');
}

function epochLine(event: EpochEvent, epochs: number): string {
  const { epoch, testLoss, evaluated = 'test', imagesPerSecond } = event;
  const train = `train ${metricsText(event, 'train', 3)}`;
  const test = testLoss === undefined ? '' : `; ${evaluated} ${metricsText(event, 'test', 3)}`;
  const place = event.scheduled && !event.complete ? `, step ${event.step}` : '';
  return `epoch ${epoch}/${epochs}${place}: ${train}${test}; ${imagesPerSecond.toFixed(0)} images/s\n`;
}

function plainProgress(stream: NodeJS.WriteStream, steps: number, epochs: number): Progress {
  let last = performance.now();
  return {
    show(event) {
      const line = lineOf(event, epochs);
      if (line) streamOf(event, stream).write(line);
      if (event.event !== 'step' || performance.now() - last < 1000 * lineInterval) return;
      last = performance.now();
      const { step, loss, imagesPerSecond } = event;
      stream.write(`step ${step}/${steps}: loss ${loss.toFixed(3)}, ${imagesPerSecond.toFixed(0)} images/s\n`);
    },
    stop() {},
  };
}

function terminalProgress(stream: NodeJS.WriteStream, steps: number, begun: number, epochs: number): Progress {
  const bar = new SingleBar({
    stream,
    format: '{bar} {percentage} % · step {value}/{total} · loss {loss} · {speed} images/s · {left} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
  });
  // The bar's own estimate of the time left would begin again after each epoch, with "0s".
  const began = performance.now();
  const left = () =>
    done > begun ? formatDuration((((performance.now() - began) / 1000) * (steps - done)) / (done - begun)) : '-';
  let shown = { loss: '-', speed: '-' };
  let done = begun;
  bar.start(steps, done, { ...shown, left: '-' });
  return {
    show(event) {
      if (event.event === 'step') {
        done = event.step;
        shown = { loss: event.loss.toFixed(3), speed: event.imagesPerSecond.toFixed(0) };
        bar.update(done, { ...shown, left: left() });
        return;
      }
      const line = lineOf(event, epochs);
      if (!line) return;
      // The bar must not mix with the line: it stops, and starts again below it.
      bar.stop();
      streamOf(event, stream).write(line);
      if (done < steps) bar.start(steps, done, { ...shown, left: left() });
    },
    stop: () => bar.stop(),
  };
}
