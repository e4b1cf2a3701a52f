/** `saturnn explain`: draws which pixels of pictures speak for a class, by Grad-CAM. */
import { basename, extname, join, relative } from 'node:path';
import { Command } from 'commander';
import { pictureFiles } from '../data/pictures/pictureFiles';
import { invalid } from '../errors';
import { prepareFolder, writeAtomically } from '../files/durable';
import { nearestName } from '../options/nearest';
import { overlayMap } from '../report/overlay';
import { encodePng } from '../report/png';
import type { GradCam } from '../train/explain/gradCam';
import { loadPredictor } from '../train/loadPredictor';
import type { DecodedFiles } from '../train/predict/files';
import { type Predictor, predictorDefaults } from '../train/predictor';
import { type ArithmeticOptions, addArithmeticOptions, arithmeticOf, openDeviceFor } from './options/arithmetic';
import { addOptions, declare } from './options/declare';
import { layerOption } from './options/layer';
import { batchOption } from './options/length';
import { jsonOption, outOption } from './options/output';
import { weightsOption } from './options/weights';
import { Interruption } from './terminal/interruption';
import { print } from './terminal/print';
import { percent } from './terminal/progress';

const classOption = declare({
  flags: '--class <name>',
  help: 'the class to explain, by its name or its index',
  otherwise: 'the one that is predicted',
});

interface ExplainOptions extends ArithmeticOptions {
  weights: string;
  batch: number;
  class?: string;
  layer?: string;
  out?: string;
  json?: boolean;
}

export function explainCommand(): Command {
  const command = new Command('explain')
    .description('draw where a trained network sees what speaks for a class (Grad-CAM), over each picture')
    .argument('<files...>', 'pictures, and folders of them');
  addOptions(
    addArithmeticOptions(command),
    weightsOption().makeOptionMandatory(),
    classOption(),
    layerOption({ otherwise: 'the last one whose output has more than one pixel' }),
    batchOption({ default: predictorDefaults.batch }),
    outOption({ note: ': a PNG file for each picture', otherwise: 'the current folder' }),
    jsonOption({ note: ': one line for each picture' }),
  );
  return command.action(explain);
}

async function explain(paths: string[], options: ExplainOptions): Promise<void> {
  const { weights, batch, layer, json } = options;
  const device = openDeviceFor(options);
  // Made before the work, so that a folder that cannot be written is known at once.
  const folder = prepareFolder(options.out ?? '.');
  const interruption = new Interruption();
  const { signal } = interruption;
  try {
    using predictor = await loadPredictor(weights, { batch, device, ...arithmeticOf(options) });
    const label = options.class === undefined ? undefined : labelFrom(options.class, predictor);
    const files = pictureFiles(paths).map(({ name }) => name);
    const names = new PictureNames();
    for (let first = 0; first < files.length; first += batch) {
      const decoded = await predictor.decodeFiles(files.slice(first, first + batch), { signal });
      const { images, count } = decoded;
      const cam = await predictor.gradCam(images, { count, layer, label, signal });
      for (let row = 0; row < count; row++) {
        const picture = join(folder, names.next(decoded.paths[row] as string));
        writeAtomically(picture, [pictureOf(predictor, decoded, cam, row)]);
        print(lineOf(predictor, { path: decoded.paths[row] as string, picture, cam, row }, json));
      }
    }
  } finally {
    interruption.dispose();
  }
}

/** Draws the map of one of the pictures over it, as a PNG file. */
function pictureOf({ shape, inputShape }: Predictor, { images }: DecodedFiles, cam: GradCam, row: number): Uint8Array {
  const [imageSize, mapSize] = [shape[0] * shape[1] * shape[2], cam.shape[0] * cam.shape[1]];
  const drawn = overlayMap(
    { pixels: images.subarray(row * imageSize, (row + 1) * imageSize), shape },
    { values: cam.maps.subarray(row * mapSize, (row + 1) * mapSize), shape: cam.shape },
    { size: [inputShape[0], inputShape[1]] },
  );
  return encodePng(drawn.pixels, drawn.shape);
}

interface Explained {
  readonly path: string;
  readonly picture: string;
  readonly cam: GradCam;
  readonly row: number;
}

function lineOf({ classNames }: Predictor, { path, picture, cam, row }: Explained, json = false): string {
  const { layer, labels, probabilities } = cam;
  const [label, probability] = [labels[row] as number, probabilities[row] as number];
  const name = classNames?.[label] ?? null;
  if (json) return `${JSON.stringify({ path, picture, layer, label, name, probability })}\n`;
  return `${path}: ${name ?? `class ${label}`} ${percent(probability)}, layer ${layer}: ${relative('', picture)}\n`;
}

/** Returns the index of the class that --class says. @throws ERR_INVALID_ARGUMENT */
function labelFrom(text: string, { classes, classNames }: Predictor): number {
  const named = classNames?.indexOf(text) ?? -1;
  if (named >= 0) return named;
  if (/^\d+$/.test(text) && Number(text) < classes) return Number(text);
  const nearest = nearestName(text, classNames ?? []);
  const hint = nearest === null ? '' : ` (the nearest is "${nearest}")`;
  const names = classNames ? `the name of a class${hint}, or ` : '';
  throw invalid('--class', `${names}an index from 0 to ${classes - 1}`, text);
}

/** The names of the files that are written: that of the picture, with a number if there was one of this name before. */
class PictureNames {
  readonly #counts = new Map<string, number>();

  next(path: string): string {
    const name = basename(path, extname(path));
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return `${name}-gradcam${count === 1 ? '' : `-${count}`}.png`;
  }
}
