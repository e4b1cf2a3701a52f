/** What each op of saturnn is in ONNX. */
import { activationTranslations } from './activations';
import { arithmeticTranslations } from './arithmetic';
import { layerTranslations } from './layers';
import type { Translation } from './translation';

/** The translations of all ops that a forward pass may hold in inference, by name. */
export const translations: ReadonlyMap<string, Translation> = new Map(
  Object.entries({ ...layerTranslations, ...activationTranslations, ...arithmeticTranslations }),
);

/** Ops of forward passes whose random numbers, drawn anew in every step, ONNX cannot express. They are for training. */
export const untranslated: readonly string[] = ['dropout', 'randomizedRelu'];
