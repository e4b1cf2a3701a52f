import { Graph } from '../graph';

/** Drops nodes that nothing depends on, and marks optional outputs that nothing reads as absent: kernels do not compute these. */
export function eliminateDead(graph: Graph): Graph {
  const alive = Graph.from(graph, graph.memory);
  const readers = alive.readers();
  const results = alive.results();
  const unread = alive.nodes.flatMap((node) =>
    (node.op.optionalOutputs ?? []).flatMap((index) => {
      const tensor = node.outputs[index];
      return tensor && !readers.has(tensor) && !results.has(tensor) ? [tensor] : [];
    }),
  );
  return alive.withMemory({ absent: new Set(unread) });
}
