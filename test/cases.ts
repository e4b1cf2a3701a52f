/**
 * The conformance cases: computations on which all backends must agree. They cover each op of lib/ops/index.ts, alone and
 * in small networks; a test checks that no op is without a case. Imports no test framework, because the bundle runs the
 * same table.
 */
import { activationCases, activationGradients } from './cases/activation';
import { augmentationCases } from './cases/augmentation';
import { blockCases } from './cases/block';
import { channelCases, channelGradients } from './cases/channels';
import { classificationCases, classificationGradients } from './cases/classification';
import { convolutionCases, convolutionGradients } from './cases/convolution';
import { dataCases, dataGradients } from './cases/data';
import { dropoutCases, dropoutGradients } from './cases/dropout';
import { linearCases, linearGradients } from './cases/linear';
import { lossesCases, lossesGradients } from './cases/losses';
import { normalizationCases, normalizationGradients } from './cases/normalization';
import { poolingCases, poolingGradients } from './cases/pooling';
import type { Case, GradientProblems } from './cases/problem';
import { randomizedReluCases, randomizedReluGradients } from './cases/randomizedRelu';
import { scalingCases } from './cases/scaling';
import { updateCases } from './cases/update';

/** Cases by group; test/ops has a file for each group. */
export const caseTable: Readonly<Record<string, readonly Case[]>> = {
  convolution: convolutionCases,
  linear: linearCases,
  pooling: poolingCases,
  activation: activationCases,
  randomizedRelu: randomizedReluCases,
  classification: classificationCases,
  losses: lossesCases,
  channels: channelCases,
  normalization: normalizationCases,
  dropout: dropoutCases,
  augmentation: augmentationCases,
  data: dataCases,
  scaling: scalingCases,
  update: updateCases,
  block: blockCases,
};

export const allCases: readonly Case[] = Object.values(caseTable).flat();

/** Problems for the check of gradients by finite differences, of all groups. */
export const gradientProblems: GradientProblems = {
  ...convolutionGradients,
  ...linearGradients,
  ...poolingGradients,
  ...classificationGradients,
  ...lossesGradients,
  ...channelGradients,
  ...dataGradients,
  ...randomizedReluGradients,
  ...normalizationGradients,
  ...dropoutGradients,
  ...activationGradients,
};
