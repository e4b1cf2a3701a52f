/** The network that a Trainer trains, and the weights with which it begins. */
import { basename } from 'node:path';
import type { ImageSource } from '../../data/source';
import type { Statistics, StatisticsOptions } from '../../data/statistics';
import { invalid, SaturnnError } from '../../errors';
import { sha256Of } from '../../files/fingerprint';
import { readSafetensors } from '../../files/safetensors';
import { openSafetensors, type TensorFile } from '../../files/tensorFile';
import { headOf } from '../../models/head';
import { classesRange, type Model, modelField } from '../../models/model';
import { integer } from '../../options/field';
import { Options } from '../../options/options';
import type { Parameter, StateBuffer } from '../../tensor/state';
import { isOwn } from '../../weights/own';
import type { CardOrigin } from '../modelFile/card';
import { cardIn, statisticsIn } from '../modelFile/description';
import { type HeadOptions, modelOf } from '../modelFile/loadModel';
import { valuesFrom } from '../modelFile/weights';

/** Accepts HeadOptions. */
export const headField = new Options<HeadOptions>('head', { classes: integer(...classesRange) }).nested('{ classes }');

/** Options of a Trainer that say what it trains. */
export interface NetworkOptions {
  readonly model?: Model | undefined;
  readonly weights?: string | undefined;
  readonly head?: HeadOptions | undefined;
  readonly train: ImageSource;
  /** If it is given, images are normalised by the training set, whatever the file says. */
  readonly statistics?: StatisticsOptions | undefined;
}

/** A network, and what a file of weights says of it. */
export interface ResolvedNetwork {
  readonly model: Model;
  /** First values that take the place of those of the model's initialisers. */
  readonly begin: ReadonlyMap<Parameter | StateBuffer, Float32Array>;
  /** Normalisation of the images that the weights were trained on; null if it is not known. */
  readonly normalization: Statistics | null;
  /** Where the first weights come from; null: the model's initialisers. */
  readonly from: CardOrigin | null;
}

/**
 * Returns the network that the options describe.
 * @throws ERR_INVALID_ARGUMENT if there is none, or its head does not fit; ERR_DATA if the file of weights cannot be read, or does not
 * have the weights of the model
 */
export function resolveNetwork({ model, weights, head, train, statistics }: NetworkOptions): ResolvedNetwork {
  if (weights === undefined) {
    if (!model) throw invalid('model', `${modelField.expected}, or a model file as weights,`, model);
    if (head) throw invalid('head', 'no value without weights: every layer of a new model is new,', head);
    return { model, begin: new Map(), normalization: null, from: null };
  }
  const file = openSafetensors(weights);
  const known = isOwn(file) ? file : null;
  const facts = {
    normalization: known && !statistics ? normalizationFor(statisticsIn(known.metadata), train, weights) : null,
    from: originOf(file, known),
  };
  if (model) return { ...facts, model, begin: valuesFor(model, file, head) };
  if (!known)
    throw invalid('model', `a Model, because ${weights} holds no network (saturnn has not written it),`, model);
  const loaded = modelOf(readSafetensors(file.path), weights, head);
  if (!head) checkClasses(train, loaded, weights);
  return { ...facts, model: loaded.model, begin: new Map() };
}

/** Returns a file's values for a model. Its head begins anew if `head` is given. @throws ERR_INVALID_ARGUMENT, ERR_DATA */
function valuesFor(model: Model, file: TensorFile, head: HeadOptions | undefined) {
  if (head && head.classes !== model.classes)
    throw invalid('head.classes', `the model's ${model.classes}`, head.classes);
  const without = head ? headNames(model) : new Set<string>();
  try {
    return valuesFrom(file, model, { without, strict: true });
  } catch (error) {
    const { code, message } = error as SaturnnError;
    if (head || code !== 'ERR_DATA' || !isOfHead(message, model)) throw error;
    const remedy = `head: { classes: ${model.classes} }, --new-head of the command, leaves the last layer of the file out`;
    throw new SaturnnError(code, `${message}. ${remedy}`, { cause: error });
  }
}

/** Whether a message names a parameter of a model's head. */
function isOfHead(message: string, model: Model): boolean {
  try {
    return [...headNames(model)].some((name) => message.includes(`"${name}"`));
  } catch {
    return false;
  }
}

/** Returns the names of the parameters of a model's head. @throws ERR_INVALID_ARGUMENT if it has none that could be another */
function headNames(model: Model): ReadonlySet<string> {
  try {
    return new Set([...headOf(model)].map(({ name }) => name));
  } catch (error) {
    throw new SaturnnError(
      'ERR_INVALID_ARGUMENT',
      `head: "${model.name}" cannot get a new one: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

/** Checks that the data have the classes of a network that keeps its last layer. @throws ERR_INVALID_ARGUMENT */
function checkClasses(
  train: ImageSource,
  { model, classNames }: Pick<ReturnType<typeof modelOf>, 'model' | 'classNames'>,
  weights: string,
): void {
  const remedy = `head: { classes: ${train.classes} }, --new-head of the command, gives it a new last layer`;
  if (train.classes !== model.classes)
    throw invalid('classes of train', `the ${model.classes} of the network of ${weights} (${remedy})`, train.classes);
  const names = train.classNames;
  const other = classNames && names ? names.findIndex((name, index) => name !== classNames[index]) : -1;
  if (other >= 0)
    throw invalid(`class ${other} of train`, `"${classNames![other]}", as in ${weights} (${remedy}),`, names![other]);
}

/** Returns the normalisation of a file for images of another shape. @throws ERR_INVALID_ARGUMENT for a mean of other pixels */
function normalizationFor(statistics: Statistics, { shape }: ImageSource, weights: string): Statistics {
  const { meanShape } = statistics;
  const isOfPixels = meanShape.length === 3;
  if (isOfPixels ? String(meanShape) !== String(shape) : meanShape[0] !== shape[2]) {
    const what = isOfPixels ? `images of [${meanShape}], whose mean image ${weights} has` : `${meanShape[0]} channels`;
    const remedy = isOfPixels ? ' (statistics: {} normalises by the training set instead)' : `, as ${weights}`;
    throw invalid('shape of train', `${what}${remedy},`, [...shape]);
  }
  return { ...statistics, imageShape: shape };
}

function originOf(file: TensorFile, known: TensorFile | null): CardOrigin {
  const files = new Set([file.path, ...[...file.tensors.values()].map((tensor) => tensor.file)]);
  const { model: network, classes } = known?.metadata ?? {};
  const card = known && cardIn(known.metadata);
  return {
    file: basename(file.path),
    sha256: sha256Of([...files]),
    ...(network !== undefined && { network }),
    ...(classes !== undefined && { classes: Number(classes) }),
    ...(card && { card }),
  };
}
