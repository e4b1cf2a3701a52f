/** All operators of ONNX that saturnn's ops can express, and those near them that they cannot. */
import type { Operators } from '../call';
import { activationOperators } from './activation';
import { classificationOperators } from './classification';
import { convolutionOperators } from './convolution';
import { elementwiseOperators } from './elementwise';
import { joiningOperators } from './joining';
import { normalizationOperators } from './normalization';
import { optimizerOperators } from './optimizer';
import { poolingOperators } from './pooling';

/** Functions by the names of ONNX's operators. */
export const operators: Operators = {
  ...convolutionOperators,
  ...elementwiseOperators,
  ...joiningOperators,
  ...activationOperators,
  ...poolingOperators,
  ...normalizationOperators,
  ...classificationOperators,
  ...optimizerOperators,
};
