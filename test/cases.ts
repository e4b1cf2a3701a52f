/**
 * Everything that every backend must compute alike: cases for each op of lib/ops/index.ts, alone and in small networks.
 * A test asserts that no op is without a case. Imports no test framework: the bundle runs the same table.
 */
import { activationCases } from './cases/activation';
import { blockCases } from './cases/block';
import { channelCases } from './cases/channels';
import { classificationCases } from './cases/classification';
import { convolutionCases } from './cases/convolution';
import { dataCases } from './cases/data';
import { dropoutCases } from './cases/dropout';
import { linearCases } from './cases/linear';
import { normalizationCases } from './cases/normalization';
import { poolingCases } from './cases/pooling';
import type { Case } from './cases/problem';
import { randomizedReluCases } from './cases/randomizedRelu';
import { scalingCases } from './cases/scaling';
import { updateCases } from './cases/update';

/** By file of test/ops. */
export const caseTable: Readonly<Record<string, readonly Case[]>> = {
  convolution: convolutionCases,
  linear: linearCases,
  pooling: poolingCases,
  activation: activationCases,
  randomizedRelu: randomizedReluCases,
  classification: classificationCases,
  channels: channelCases,
  normalization: normalizationCases,
  dropout: dropoutCases,
  data: dataCases,
  scaling: scalingCases,
  update: updateCases,
  block: blockCases,
};

export const allCases: readonly Case[] = Object.values(caseTable).flat();
