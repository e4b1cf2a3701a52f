import type { Graph } from './graph';
import { commuteAveragePool } from './passes/commuteAveragePool';
import { concatViews } from './passes/concatViews';
import { eliminateDead } from './passes/eliminateDead';
import { fuseConvBiasActivation } from './passes/fuseConvBiasActivation';
import { inPlaceActivation } from './passes/inPlaceActivation';
import { mergeSiblingConvs } from './passes/mergeSiblingConvs';

/** A pure function from graph to graph that is legal on every graph and every backend. */
export type Pass = (graph: Graph) => Graph;

/** In this order: first what changes nodes, then what decides about their memory. */
export const defaultPasses: readonly Pass[] = [
  commuteAveragePool,
  mergeSiblingConvs,
  fuseConvBiasActivation,
  eliminateDead,
  concatViews,
  inPlaceActivation,
];

export function optimize(graph: Graph, passes: readonly Pass[] = defaultPasses): Graph {
  return passes.reduce((current, pass) => pass(current), graph);
}
