import type { Op } from '../tensor/tensor';
import { activationOps } from './activation';
import { augmentationOps } from './augmentation';
import { channelsOps } from './channels';
import { classificationOps } from './classification';
import { convolutionOps } from './convolution';
import { dataOps } from './data';
import { dropoutOps } from './dropout';
import { linearOps } from './linear';
import { lossesOps } from './losses';
import { normalizationOps } from './normalization';
import { poolingOps } from './pooling';
import { randomizedReluOps } from './randomizedRelu';
import { scalingOps } from './scaling';
import { updateOps } from './update';

/** All ops that have kernels. A test compares them with the op table of each backend. */
export const ops: readonly Op[] = [
  ...convolutionOps,
  ...linearOps,
  ...activationOps,
  ...randomizedReluOps,
  ...poolingOps,
  ...classificationOps,
  ...lossesOps,
  ...channelsOps,
  ...augmentationOps,
  ...dataOps,
  ...normalizationOps,
  ...dropoutOps,
  ...scalingOps,
  ...updateOps,
];
