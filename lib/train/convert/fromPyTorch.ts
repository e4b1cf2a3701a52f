/** Makes a file of saturnn from one of PyTorch. */
import type { Statistics } from '../../data/statistics';
import { invalid } from '../../errors';
import type { NamedTensor, SafetensorsFile } from '../../files/safetensors';
import { openSafetensors, type TensorFile } from '../../files/tensorFile';
import type { Model } from '../../models';
import { Philox } from '../../random';
import { fitWeights, type Match, type Weight } from '../../weights/fit';
import { isConstant, isOwn } from '../../weights/own';
import type { WeightsReport } from '../../weights/report';
import { floatsOf, tensorOf, valuesOf } from '../../weights/values';
import { fileOf } from '../modelFile/weights';
import { type ConvertWeightsOptions, defaultWeightDType } from './options';

/** A conversion that was planned: nothing has been written yet. */
export interface Conversion {
  readonly report: WeightsReport;
  /** Makes the file. @throws ERR_DATA */
  make(): SafetensorsFile;
}

/** The network of the result: its weights, and the values of those that the file lacks. */
interface Target {
  readonly weights: readonly Weight[];
  valuesFor(name: string): Float32Array;
  /** Completes the file. */
  fileOf(tensors: Map<string, NamedTensor>): SafetensorsFile;
}

/** Plans a conversion to a file of saturnn. @throws ERR_INVALID_ARGUMENT, ERR_DATA */
export function fromPyTorch(file: TensorFile, options: ConvertWeightsOptions): Conversion {
  const { map, dtype = defaultWeightDType } = options;
  if (isOwn(file)) return ofSaturnn(file, options);
  const target = targetOf(options);
  const { report, matches } = fitWeights(target.weights, file.tensors, map);
  return {
    report,
    make() {
      const found = new Map<string, Match>(matches.map((match) => [match.weight.name, match]));
      const tensors = target.weights.map(({ name, shape }) => {
        const match = found.get(name);
        const values = match ? valuesOf(file, match) : target.valuesFor(name);
        return [name, tensorOf(name, shape, values, dtype)] as const;
      });
      return target.fileOf(new Map(tensors));
    },
  };
}

/** Plans to write a file of saturnn again, with another dtype. */
function ofSaturnn(file: TensorFile, { model, like, dtype = defaultWeightDType }: ConvertWeightsOptions): Conversion {
  if (model || like !== undefined) {
    const expected = `no value, as ${file.path} is a file of saturnn already,`;
    throw invalid(model ? 'model' : 'like', expected, model?.name ?? like);
  }
  const fitted = weightsIn(file).map(({ name, shape }) => {
    const { dtype } = file.tensors.get(name)!;
    return { name, shape, from: name, fromShape: shape, dtype, reordered: false, reshaped: false };
  });
  return {
    report: { fitted, missing: [], misfitting: [], leftOut: [], ignored: [] },
    make() {
      const tensors = new Map<string, NamedTensor>(
        fitted.map(({ name, shape }) => [name, tensorOf(name, shape, floatsOf(name, file.read(name)), dtype)]),
      );
      return { tensors: withConstants(tensors, file), metadata: file.metadata };
    },
  };
}

/** Returns the weights of a file of saturnn: without the constants of its graph. */
export const weightsIn = ({ tensors }: Pick<TensorFile, 'tensors'>): Weight[] =>
  [...tensors].filter(([name]) => !isConstant(name)).map(([name, { shape }]) => ({ name, shape }));

function withConstants(tensors: Map<string, NamedTensor>, file: TensorFile): Map<string, NamedTensor> {
  for (const name of file.tensors.keys()) if (isConstant(name)) tensors.set(name, file.read(name));
  return tensors;
}

function targetOf({ model, like, ...images }: ConvertWeightsOptions): Target {
  if (model && like !== undefined) throw invalid('like', 'no value beside a model', like);
  if (model) return ofModel(model, images);
  if (like === undefined) throw invalid('model', 'a Model, or a file of the same network as `like`,', undefined);
  const file = openSafetensors(like);
  if (!isOwn(file)) throw invalid('like', 'a file of saturnn', like);
  // The card tells where the weights of that file come from, which these do not.
  const { card: _, ...metadata } = file.metadata;
  return {
    weights: weightsIn(file),
    valuesFor: (name) => floatsOf(name, file.read(name)),
    fileOf: (tensors) => ({ tensors: withConstants(tensors, file), metadata }),
  };
}

function ofModel(
  model: Model,
  { imageMean, imageStd, classNames }: Pick<ConvertWeightsOptions, 'imageMean' | 'imageStd' | 'classNames'>,
): Target {
  const { parameters, buffers = [] } = model;
  if (classNames && classNames.length !== model.classes)
    throw invalid('classNames', `the names of ${model.classes} classes`, classNames);
  const statistics = statisticsFrom(model, imageMean, imageStd);
  return {
    weights: [...parameters, ...buffers],
    valuesFor(name) {
      const index = parameters.findIndex((parameter) => parameter.name === name);
      if (index >= 0) return parameters[index]!.initialize(new Philox(0, index));
      return buffers.find((buffer) => buffer.name === name)!.initialize();
    },
    fileOf: (tensors) => fileOf({ model, statistics, data: { classNames: classNames ?? null } }, tensors),
  };
}

/** Largest value of a pixel. */
const white = 255;

/** Returns the statistics of pixels of 0 to 255 from those of pixels of 0 to 1. */
function statisticsFrom(
  { inputShape }: Model,
  imageMean?: readonly number[],
  imageStd?: readonly number[],
): Statistics {
  const channels = inputShape[2];
  const each = (name: string, values: readonly number[] | undefined, usual: number) => {
    if (values && values.length !== channels) throw invalid(name, `${channels} numbers, one for each channel,`, values);
    return values ?? new Array<number>(channels).fill(usual);
  };
  const deviation = Float32Array.from(each('imageStd', imageStd, 1), (value) => value * white);
  return {
    mean: Float32Array.from(each('imageMean', imageMean, 0), (value) => value * white),
    meanShape: [channels],
    deviation,
    scale: deviation.map((value) => 1 / value),
    imageShape: inputShape,
  };
}
