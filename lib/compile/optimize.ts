import type { DType } from '../runtime/native';
import type { Graph } from './graph';
import { commuteAveragePool } from './passes/commuteAveragePool';
import { concatViews } from './passes/concatViews';
import { eliminateDead } from './passes/eliminateDead';
import { fuseConvBiasActivation } from './passes/fuseConvBiasActivation';
import { fuseDgradActivation } from './passes/fuseDgradActivation';
import { halveWeights } from './passes/halveWeights';
import { inPlaceActivation } from './passes/inPlaceActivation';
import { mergeSiblingConvs } from './passes/mergeSiblingConvs';

/** A pure function from graph to graph that is legal on every graph and every backend. */
export type Pass = (graph: Graph) => Graph;

const nodePasses: readonly Pass[] = [
  commuteAveragePool,
  mergeSiblingConvs,
  fuseConvBiasActivation,
  fuseDgradActivation,
  eliminateDead,
];
const memoryPasses: readonly Pass[] = [concatViews, inPlaceActivation];

/** In this order: first what changes nodes, then what decides about their memory. */
export const defaultPasses: readonly Pass[] = [...nodePasses, ...memoryPasses];

/** The same for a backend whose convolutions take half weights, of a graph whose images are halved. */
export const passesWithHalfWeights = (half: DType): readonly Pass[] => [
  ...nodePasses,
  (graph) => halveWeights(graph, half),
  ...memoryPasses,
];

/** The graph after all `passes`, one after the other; the graph that is given stays as it is. */
export function optimize(graph: Graph, passes: readonly Pass[] = defaultPasses): Graph {
  return passes.reduce((current, pass) => pass(current), graph);
}
