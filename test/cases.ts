/**
 * The conformance cases: computations on which all backends must agree. They cover each op of lib/ops/index.ts, alone and
 * in small networks; a test checks that no op is without a case. Imports no test framework, because the bundle runs the
 * same table.
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

/** Cases by group; test/ops has a file for each group. */
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
