import { Graph } from '../graph';

/** Drops nodes that no output and no update needs, and marks optional outputs that nobody reads, which kernels then leave out. */
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
