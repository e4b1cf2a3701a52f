/** A bar on a terminal for work whose length is known; anywhere else, a line for each tenth. */
import { SingleBar } from 'cli-progress';
import type { DecodingProgress } from '../../data/pictures/decodeSet';
import { visible } from '../../errors';

/** Texts of a bar. */
export interface BarTexts {
  /** Names the work. */
  readonly title: string;
  /** The unit that is counted: "MB". */
  readonly unit: string;
  /** Writes an amount as a number of units. Default: as it is. */
  readonly format?: (amount: number) => string;
  /** The stream that is written to. Default: stdout. */
  readonly stream?: NodeJS.WriteStream;
}

/** Shows how far work is. */
export interface Bar {
  /** @param total null: not known */
  show(done: number, total: number | null, note?: string): void;
  stop(): void;
}

/** Makes a bar, which appears when it is shown for the first time. */
export function createBar({ title, unit, format = String, stream = process.stdout }: BarTexts): Bar {
  if (!stream.isTTY) {
    let tenths = 0;
    const show = (done: number, total: number | null, note = '') => {
      const reached = total ? Math.floor((10 * done) / total) : 0;
      if (!total || reached <= tenths) return;
      tenths = reached;
      stream.write(visible(`${title}: ${10 * tenths} % of ${format(total)} ${unit}${note && `, ${note}`}\n`));
    };
    return { show, stop: () => {} };
  }
  const bar = new SingleBar({
    stream,
    format: `${title} {bar} {percentage} % · {amount}{note} · {eta_formatted} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
  });
  return {
    show(done, total, note = '') {
      const payload = {
        amount: `${format(done)}/${total === null ? '?' : format(total)} ${unit}`,
        note: note && ` · ${note}`,
      };
      if (!bar.isActive) bar.start(total ?? done, done, payload);
      bar.setTotal(total ?? done);
      bar.update(done, payload);
    },
    stop: () => bar.stop(),
  };
}

/** Makes the bar of a decoding of pictures. */
export function decodingBar(stream?: NodeJS.WriteStream) {
  const bar = createBar({ title: 'decoding', unit: 'pictures', stream });
  return {
    show: ({ done, total, imagesPerSecond }: DecodingProgress) =>
      bar.show(done, total, `${imagesPerSecond.toFixed(0)}/s`),
    stop: () => bar.stop(),
  };
}
