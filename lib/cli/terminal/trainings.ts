/** Prints how a table of trainings is made, and the command that continues it. */
import { relative } from 'node:path';
import type { DecodingProgress } from '../../data/pictures/decodeSet';
import { visible } from '../../errors';
import type { Table1Event, Table1Plan } from '../../experiments/table1/table1';
import { describePictures } from '../options/pictures';
import type { Given } from '../options/resume';
import { decodingBar } from './bar';
import { createProgress, type Progress } from './progress';

export interface TrainingsProgress {
  event(event: Table1Event): void;
  /** Shows how far the decoding of pictures is. */
  decoding(progress: DecodingProgress): void;
  line(text: string): void;
  /** Takes the progress bar off the terminal. */
  stop(): void;
}

/** Prints events on a stream as they happen: lines, and a progress bar for the training that runs. */
export function trainingsProgress(stream: NodeJS.WriteStream): TrainingsProgress {
  let progress: Progress | null = null;
  const decoded = decodingBar(stream);
  const line = (text: string): void => void stream.write(visible(`${text}\n`));
  const stop = (): void => {
    decoded.stop();
    progress?.stop();
    progress = null;
  };
  return {
    line,
    stop,
    decoding: decoded.show,
    event(event) {
      if (event.event === 'plan') {
        stop();
        line(planText(event));
      } else if (event.event === 'chosen') {
        const { activation, chosen, note } = event.search;
        line(`learning rate of ${activation}: ${chosen}${note && ` (${note})`}`);
      } else if (event.event === 'begin') {
        const { training, begin, index, count, phase } = event;
        const from = begin.done > 0 ? `, from step ${begin.done} of ${begin.steps}` : '';
        line(`${phase === 'search' ? 'search' : 'training'} ${index + 1}/${count}: ${training.label}${from}`);
        progress = createProgress({ ...begin, json: false, stream });
      } else if (event.event === 'step') progress?.show(event.detail);
      else if (event.event === 'pause') stop();
      else if (event.record.status.kind === 'diverged') line(`diverged: ${event.record.status.message}`);
    },
  };
}

function planText(plan: Table1Plan): string {
  const { settings, out, device, classes, trainImages, testImages, evaluated, pictures, trainings, search } = plan;
  const { fixed, activations: names } = settings;
  const lines = [
    `preset ${fixed.preset}: ${fixed.model} at width ${fixed.width} on ${device} in ${fixed.precision}, into ${relative('', out) || '.'}`,
    ...(pictures ? [describePictures(fixed.data, pictures, fixed)] : []),
    `${fixed.data}: ${classes} classes, ${trainImages} training images, ${testImages} ${evaluated} images; batches of ${fixed.batch}`,
    `${trainings} trainings (${names.join(', ')}) of ${inEpochs(fixed.epochs)}`,
  ];
  if (search && fixed.search) {
    const { grid, epochs } = fixed.search;
    const share = `${(100 * search.share).toFixed(0)} % of all images that are trained on`;
    lines.push(
      `first ${search.trials} short trainings of ${inEpochs(epochs)} that search the learning rate among ${grid.join(', ')}: ${share}`,
    );
  }
  return lines.join('\n');
}

const inEpochs = (count: number): string => (count === 1 ? '1 epoch' : `${count} epochs`);

/** Returns the command line that continues what was begun, in the same folder. */
export function commandOf(name: string, given: Given, minutes?: number): string {
  const all: Given = { ...given, ...(minutes === undefined ? {} : { '--minutes': `${minutes}` }) };
  const words = Object.entries(all).flatMap(([flag, value]) => (value === true ? [flag] : [flag, quoted(value)]));
  return ['saturnn', name, ...words].join(' ');
}

/** Quotes text so that a shell reads it as one word. */
const quoted = (text: string): string => (/^[\w./:,=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
