/** The options that weight the classes of a training set. */
import { numberFromText } from '../../errors';
import { type ClassWeights, checkClassWeights } from '../../train/classWeights';
import { declare, doesNotApply } from './declare';
import * as read from './readers';

/** The value of --class-weights. */
type ClassWeightsChoice = ClassWeights | 'none';

/** Reads "balanced", "none" or one number per class. @throws ERR_INVALID_ARGUMENT */
export function parseClassWeights(text: string): ClassWeightsChoice {
  if (text === 'none') return text;
  return checkClassWeights(text === 'balanced' ? text : text.split(',').map((part) => numberFromText(part.trim())));
}

export const classWeightsOption = declare({
  flags: '--class-weights <list>',
  help: 'factors on the loss of the training images: none, balanced (every class has the same share of the loss), or one number per class: a,b,c',
  read: read.reading(parseClassWeights),
  default: 'none' satisfies ClassWeightsChoice,
  shown: 'none',
});

export const balanceOption = declare({ flags: '--balance', help: 'the same as --class-weights balanced' });

export interface ClassWeightsOptions {
  classWeights: ClassWeightsChoice;
  balance?: boolean;
}

/** Returns the class weights for a Trainer; undefined: none. @throws ERR_INVALID_ARGUMENT if both options are given */
export function classWeightsFrom({ classWeights, balance }: ClassWeightsOptions): ClassWeights | undefined {
  if (!balance) return classWeights === 'none' ? undefined : classWeights;
  if (classWeights !== 'none') throw doesNotApply('--class-weights', 'beside --balance');
  return 'balanced';
}
