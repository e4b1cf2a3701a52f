import { invalid, SaturnnError } from '../errors';
import { checkArgument } from '../options/options';
import { Parameter, type State, stateField } from '../tensor/state';
import { makeNode, type Source, type Tensor } from '../tensor/tensor';
import { type Graph, graphField } from './graph';
import { rewriteGraph } from './rewrite';

/**
 * Returns a graph that computes the same with the moving average of the weights, which an optimizer with `ema` keeps, in
 * place of the weights. Buffers (running statistics) are not averaged: it reads their present values.
 * @throws ERR_INVALID_ARGUMENT if the State keeps no average; ERR_GRAPH if the graph writes state, because averages are not
 * trained
 */
export function withAveragedWeights(graph: Graph, state: State): Graph {
  checkArgument('graph', graphField, graph);
  const averages = checkArgument('state', stateField, state).averagesPlace;
  if (!averages) throw invalid('state', 'a State with an averageSlot (an optimizer with ema)', null);
  if (graph.updates.length > 0)
    throw new SaturnnError('ERR_GRAPH', 'withAveragedWeights expects a graph that writes no state');
  const average = (tensor: Tensor): Source | null => {
    const { source } = tensor.node;
    const place = { kind: 'state', state, arena: averages.arena } as const;
    if (tensor instanceof Parameter && tensor.state === state)
      // A frozen parameter has no average, because it never changes.
      return state.isFrozen(tensor) ? null : { ...place, byteOffset: state.averageOffsetOf(tensor) };
    if (source?.kind === 'state' && source.arena === 'parameters' && source.state === state)
      return { ...place, byteOffset: averages.byteOffset + source.byteOffset };
    return null;
  };
  return rewriteGraph(graph, (node) => {
    const [tensor] = node.outputs;
    const source = tensor && average(tensor);
    return source ? makeNode({ ...node, source }, node.outputs).outputs : null;
  });
}
