/** Gives a saved network another number of classes. */
import type { SavedNetwork, SavedNode, SavedPass, SavedReference } from './form';

/**
 * Returns the network with `classes` classes: the parameters of its head have as many rows, and the results of its last nodes as many
 * channels.
 * @param head names of the head's parameters: see headOf()
 */
export function withClasses(network: SavedNetwork, head: ReadonlySet<string>, classes: number): SavedNetwork {
  const { parameters, inference, training } = network;
  return {
    ...network,
    parameters: parameters.map((parameter) =>
      head.has(parameter.name) ? { ...parameter, shape: [classes, ...parameter.shape.slice(1)] } : parameter,
    ),
    inference: passWith(inference, head, classes),
    ...(training && { training: passWith(training, head, classes) }),
  };
}

function passWith(pass: SavedPass, head: ReadonlySet<string>, classes: number): SavedPass {
  // Indices of the nodes that depend on the head.
  const after = new Set<number>();
  const isAfter = (reference: SavedReference): boolean => {
    if (typeof reference === 'string') return head.has(reference);
    return after.has(typeof reference === 'number' ? reference : (reference?.[0] ?? -1));
  };
  const nodes = pass.nodes.map((node, index): SavedNode => {
    if (!node.inputs?.some(isAfter)) return node;
    after.add(index);
    return { ...node, shape: [...node.shape.slice(0, -1), classes] };
  });
  return { ...pass, nodes };
}
