import { arrayOf, callback, type Field } from '../options/field';
import { checkArgument } from '../options/options';
import type { DType } from '../runtime/native';
import { type Graph, graphField } from './graph';
import { commuteAveragePool } from './passes/commuteAveragePool';
import { concatViews } from './passes/concatViews';
import { eliminateDead } from './passes/eliminateDead';
import { fuseConvBiasActivation } from './passes/fuseConvBiasActivation';
import { fuseDgradActivation } from './passes/fuseDgradActivation';
import { halveWeights } from './passes/halveWeights';
import { inPlaceActivation } from './passes/inPlaceActivation';
import { mergeSiblingConvs } from './passes/mergeSiblingConvs';

/** A pure function from a graph to an equivalent one. It must work for every graph and every backend. */
export type Pass = (graph: Graph) => Graph;

const nodePasses: readonly Pass[] = [
  commuteAveragePool,
  mergeSiblingConvs,
  fuseConvBiasActivation,
  fuseDgradActivation,
  eliminateDead,
];
const memoryPasses: readonly Pass[] = [concatViews, inPlaceActivation];

/** The passes of compile() in their order: first those that change nodes, then those that decide about memory. */
export const defaultPasses: readonly Pass[] = [...nodePasses, ...memoryPasses];

/** Returns the default passes and halveWeights, for a graph of half images and a backend whose convolutions take half weights. */
export const passesWithHalfWeights = (half: DType): readonly Pass[] => [
  ...nodePasses,
  (graph) => halveWeights(graph, half),
  ...memoryPasses,
];

/** Accepts passes. */
export const passesField: Field<readonly Pass[]> = arrayOf(
  callback<Pass>('a pass, which is a function'),
  'an array of passes',
);

/**
 * Returns a graph after `passes`, applied in order. The given graph is not changed.
 * @throws ERR_INVALID_ARGUMENT if a pass returns no Graph
 */
export function optimize(graph: Graph, passes: readonly Pass[] = defaultPasses): Graph {
  checkArgument('graph', graphField, graph);
  checkArgument('passes', passesField, passes);
  return passes.reduce(
    (current, pass) => checkArgument(`the result of ${pass.name || 'a pass'}`, graphField, pass(current)),
    graph,
  );
}
