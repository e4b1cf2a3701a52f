/** Predicts the classes of pictures in files: Predictor.predictFiles(). */
import { type Decoding, pictureChannels, pictureDefaults } from '../../data/pictures/decode';
import type { PictureDecoding } from '../../data/pictures/fit';
import { inOrder } from '../../data/pictures/inOrder';
import { brokenPolicies } from '../../data/pictures/openSet';
import { decodeFile, type PictureFile, pictureFiles } from '../../data/pictures/pictureFiles';
import { type ImageShape, imageBytes } from '../../data/source';
import { invalid, SaturnnError } from '../../errors';
import { anyOf, arrayOf, flag, integer, oneOf, optional, pathField, signal } from '../../options/field';
import { checkArgument, type Fields, Options } from '../../options/options';

/** Options of Predictor.predictFiles(). */
export interface PredictFilesOptions {
  /** The most guesses for each picture, at least 1. Default 3. */
  top?: number;
  /** Whether pictures of another size than those of the training are scaled, as those were. Default true; false: they are refused. */
  resize?: boolean;
  /**
   * What happens to files that cannot be read, decoded or taken. "fail" (default): the first one is an error that names it. "skip": its
   * prediction has no guesses, and says why.
   */
  onBroken?: 'fail' | 'skip';
  /** When it is aborted, predictFiles() throws its reason. */
  signal?: AbortSignal;
}

/** The defaults of PredictFilesOptions. */
export const predictFilesDefaults = { top: 3, resize: true, onBroken: 'fail' } as const;

/** Schema of PredictFilesOptions. */
export const predictFilesFields: Fields<PredictFilesOptions> = {
  top: optional(integer(1)),
  resize: optional(flag),
  onBroken: optional(oneOf(brokenPolicies)),
  signal: optional(signal),
};

const predictFilesOptions = new Options('predictFiles()', predictFilesFields);

const pathsField = anyOf<[string, readonly string[]]>('a path, or an array of paths', pathField, arrayOf(pathField));

/** Options of Predictor.decodeFiles(). */
export interface DecodeFilesOptions {
  /** Whether pictures of another size than those of the training are scaled, as those were. Default true; false: they are refused. */
  resize?: boolean;
  /** When it is aborted, decodeFiles() throws its reason. */
  signal?: AbortSignal;
}

const decodeFilesOptions = new Options<DecodeFilesOptions>('decodeFiles()', {
  resize: optional(flag),
  signal: optional(signal),
});

/** The result of Predictor.decodeFiles(). */
export interface DecodedFiles {
  /** Paths of the pictures, in order. */
  readonly paths: readonly string[];
  /** The number of pictures. */
  readonly count: number;
  /** Their pixels: [count, height, width, channels], of the shape that the predictor takes. */
  readonly images: Uint8Array;
}

/** A class that a picture may belong to. */
export interface Guess {
  /** Index of the class. */
  readonly label: number;
  /** Name of the class; null if it is not known. */
  readonly name: string | null;
  readonly probability: number;
}

/** The prediction for a file. */
export interface FilePrediction {
  readonly path: string;
  /** The most probable classes, the best first; none if the file is broken. */
  readonly guesses: readonly Guess[];
  /** Why the file could not be used; null if it could. */
  readonly broken: string | null;
}

/** The parts of a Predictor that are used here. */
interface Network {
  readonly classes: number;
  readonly classNames: readonly string[] | null;
  predict(
    images: Uint8Array,
    options: { count: number; signal: AbortSignal | undefined },
  ): Promise<{ readonly probabilities: Float32Array }>;
}

/** The images that a Network takes. */
interface TrainedImages {
  readonly shape: ImageShape;
  readonly decoding: PictureDecoding | null;
  /** Most images that are in memory at the same time. */
  readonly batch: number;
}

/** The number of pictures that are read and decoded at the same time. */
const lanes = 8;

/** A file whose turn has come. */
interface Read {
  readonly file: PictureFile;
  readonly pixels: Uint8Array | null;
  readonly reason: string | null;
}

/** Predicts files and the pictures of folders. The arguments are those of Predictor.predictFiles(). */
export async function predictFiles(
  network: Network,
  images: TrainedImages,
  paths: string | readonly string[],
  given: PredictFilesOptions,
): Promise<FilePrediction[]> {
  const options = predictFilesOptions.check(given);
  const { top = predictFilesDefaults.top, signal } = options;
  const predictions: FilePrediction[] = [];
  let waiting: Read[] = [];
  const predictWaiting = async () => {
    predictions.push(...(await predictRead(network, images.shape, waiting, { top, signal })));
    waiting = [];
  };
  for await (const read of inOrder(filesOf(paths), lanes, readerOf(images, options))) {
    signal?.throwIfAborted();
    waiting.push(read);
    if (waiting.length >= images.batch) await predictWaiting();
  }
  await predictWaiting();
  return predictions;
}

/** Decodes files and the pictures of folders. The arguments are those of Predictor.decodeFiles(). */
export async function decodeFiles(
  images: TrainedImages,
  paths: string | readonly string[],
  given: DecodeFilesOptions,
): Promise<DecodedFiles> {
  const options = decodeFilesOptions.check(given);
  const files = filesOf(paths);
  const pixels: Uint8Array[] = [];
  for await (const read of inOrder(files, lanes, readerOf(images, options))) {
    options.signal?.throwIfAborted();
    // A file that is broken has thrown.
    pixels.push(read.pixels as Uint8Array);
  }
  return { paths: files.map(({ name }) => name), count: files.length, images: joined(pixels, images.shape) };
}

/** Returns the files that paths name. @throws ERR_INVALID_ARGUMENT unless there is a path; ERR_DATA */
function filesOf(paths: string | readonly string[]): PictureFile[] {
  const named = checkArgument('paths', pathsField, paths);
  const list = typeof named === 'string' ? [named] : named;
  if (list.length === 0) throw invalid('paths', 'at least one path', 'none');
  return pictureFiles(list);
}

/** Returns images one after the other. */
function joined(pixels: readonly Uint8Array[], shape: ImageShape): Uint8Array {
  const images = new Uint8Array(pixels.length * imageBytes({ shape }));
  pixels.forEach((image, index) => {
    images.set(image, index * image.length);
  });
  return images;
}

/** Returns a function that reads and decodes one file. */
function readerOf(
  { shape, decoding }: TrainedImages,
  options: PredictFilesOptions,
): (file: PictureFile) => Promise<Read> {
  const { resize = predictFilesDefaults.resize, onBroken = predictFilesDefaults.onBroken } = options;
  const { fit, background } = decoding ?? pictureDefaults;
  if (!(pictureChannels as readonly number[]).includes(shape[2]))
    throw invalid('the network', `images of ${pictureChannels.join(', ')} channels, as pictures have`, shape[2]);
  const how: Decoding = { shape, fit, background };
  return async (file) => {
    try {
      return { file, pixels: await decodeFile(file.path, how, resize ? 'any' : 'same'), reason: null };
    } catch (error) {
      if (error instanceof SaturnnError) throw error;
      const { message } = error as Error;
      if (onBroken === 'skip') return { file, pixels: null, reason: message };
      throw new SaturnnError('ERR_DATA', `Cannot predict ${file.name}: ${message}`, { cause: error });
    }
  };
}

async function predictRead(
  network: Network,
  shape: ImageShape,
  files: readonly Read[],
  { top, signal }: { top: number; signal: AbortSignal | undefined },
): Promise<FilePrediction[]> {
  const whole = files.flatMap(({ pixels }) => (pixels ? [pixels] : []));
  const images = joined(whole, shape);
  const probabilities =
    whole.length === 0
      ? new Float32Array(0)
      : (await network.predict(images, { count: whole.length, signal })).probabilities;
  let row = 0;
  return files.map(({ file, pixels, reason }): FilePrediction => {
    if (!pixels) return { path: file.name, guesses: [], broken: reason };
    const own = probabilities.subarray(row * network.classes, ++row * network.classes);
    return { path: file.name, guesses: bestGuesses(own, network.classNames, top), broken: null };
  });
}

/** Returns the `top` largest probabilities, the largest first; of equal ones, the smaller index first. */
export function bestGuesses(probabilities: Float32Array, names: readonly string[] | null, top: number): Guess[] {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
  return order
    .slice(0, top)
    .map((label) => ({ label, name: names?.[label] ?? null, probability: probabilities[label]! }));
}
