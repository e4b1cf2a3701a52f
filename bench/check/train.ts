/**
 * Section "train": trains on CIFAR-100 in each precision and reports time and accuracy of each epoch. A run that is cut
 * short is resumed by the next check.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { table } from '../../lib/report/textTable';
import type { EpochEvent } from '../../lib/train/events';
import { type Context, ofKind, type Row, type Section } from './section';

interface EpochRow extends Row {
  readonly kind: 'epoch';
  readonly precision: string;
  readonly epoch: number;
  readonly testAccuracy: number;
  readonly trainAccuracy: number;
  readonly imagesPerSecond: number;
  /** Wall time of the epoch, training and evaluation. */
  readonly seconds: number;
}

/** Time that is kept for stopping a run: after the signal it still writes a checkpoint. */
const secondsToStop = 10;

export const train: Section = {
  name: 'train',
  about: 'CIFAR-100: images/s, seconds per epoch, accuracy',
  seconds: 530,
  optional: true,
  run: async (context) => {
    if (!context.options.data)
      throw new Error('The section train needs --train FOLDER, a folder with train.bin and test.bin of CIFAR-100.');
    for (const precision of context.precisions) {
      if (context.left() < secondsToStop + 5) context.skip(`${precision}: no time left; the same command continues`);
      else await trainIn(context, precision);
    }
  },
  format: (rows) => {
    const cells = ofKind<EpochRow>(rows, 'epoch').map((row) => [
      row.precision,
      String(row.epoch),
      row.seconds.toFixed(1),
      row.imagesPerSecond.toFixed(0),
      `${(100 * row.trainAccuracy).toFixed(2)} %`,
      `${(100 * row.testAccuracy).toFixed(2)} %`,
    ]);
    return table(['precision', 'epoch', 's', 'images/s', 'train', 'test'], cells);
  },
};

/** Starts or resumes the run of one precision with `saturnn train`, and stops it in time. */
async function trainIn({ device, options, left, record, skip }: Context, precision: string): Promise<void> {
  const { data, epochs, out, smoke } = options;
  const folder = join(out, precision);
  const main = join(__dirname, '..', '..', 'lib', 'cli', 'main.js');
  const settings = { '--data': data, '--device': device.name, '--precision': precision, '--epochs': String(epochs) };
  const small = smoke ? ['--width', '0.1', '--batch', '8', '--limit', '32'] : ['--batch', '128'];
  const args = [
    main,
    'train',
    ...Object.entries(settings).flat(),
    ...small,
    '--out',
    folder,
    '--json',
    '--resume',
    'auto',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  let last = performance.now();
  let stopped = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line) as EpochEvent;
    if (event.event !== 'epoch' || !event.complete) return;
    record({ kind: 'epoch', precision, ...event, seconds: (performance.now() - last) / 1000 });
    last = performance.now();
  });
  const timer = setTimeout(
    () => {
      stopped = true;
      child.kill('SIGINT');
    },
    1000 * (left() - secondsToStop),
  );
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  if (stopped && existsSync(folder)) skip(`${precision}: no time left; the same command resumes it`);
  else if (code !== 0) record({ kind: 'run', precision, failed: `${precision}: ${errors.slice(-3).join(' ')}` });
}
