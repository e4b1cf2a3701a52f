import { SaturnnError } from '../errors';
import { batchNormInference, batchNormOp, blendOp } from '../ops/normalization';
import type { StateBuffer } from '../tensor/state';
import { makeNode, type Node, type Tensor } from '../tensor/tensor';
import { Graph } from './graph';
import { rewriteGraph } from './rewrite';

/** A forward pass in training. */
export interface TrainingPass {
  /** The result. */
  readonly y: Tensor;
  /** The new value of each buffer that the step sets (ForwardContext.remember). */
  readonly remembered: ReadonlyMap<StateBuffer, Tensor>;
}

/**
 * Returns a forward pass that leaves the frozen buffers as they are. A batch normalisation whose running statistics they are
 * normalises with them, as in inference, and no longer with the statistics of the batch.
 * @throws ERR_INVALID_ARGUMENT if only the mean or only the variance of a normalisation is frozen
 */
export function withFrozenStatistics(pass: TrainingPass, frozen: ReadonlySet<StateBuffer>): TrainingPass {
  if (frozen.size === 0) return pass;
  const { y, remembered } = pass;
  const statistics = frozenStatistics(remembered, frozen);
  const kept = [...remembered].filter(([buffer]) => !frozen.has(buffer));
  const values = Object.fromEntries(kept.map(([{ name }, value]) => [`value of ${name}`, value]));
  const { outputs } = rewriteGraph(Graph.from({ outputs: { y, ...values } }), (node, inputs) => {
    const own = statistics.get(node);
    if (!own) return null;
    const [x, scale, shift] = inputs as readonly [Tensor, Tensor, Tensor];
    const { epsilon } = node.attributes;
    const made = batchNormInference(x, { ...own, scale, shift }, { epsilon, name: node.name });
    // With the order of the old node, so that it runs when that would have run.
    const [normalized] = makeNode({ ...made.node, order: node.order }, made.node.outputs).outputs as [Tensor];
    return [normalized, own.mean, own.variance];
  });
  return {
    y: outputs.y as Tensor,
    remembered: new Map(kept.map(([buffer]) => [buffer, outputs[`value of ${buffer.name}`] as Tensor])),
  };
}

/** Returns the running statistics of each normalisation that has frozen ones. @throws ERR_INVALID_ARGUMENT */
function frozenStatistics(remembered: TrainingPass['remembered'], frozen: ReadonlySet<StateBuffer>) {
  const means = new Map<Node, StateBuffer>();
  const variances = new Map<Node, StateBuffer>();
  for (const [buffer, value] of remembered) {
    for (const { node, output } of followed(value)) (output === 1 ? means : variances).set(node, buffer);
  }
  const statistics = new Map<Node, { readonly mean: StateBuffer; readonly variance: StateBuffer }>();
  for (const node of new Set([...means.keys(), ...variances.keys()])) {
    const [mean, variance] = [means.get(node), variances.get(node)];
    const own = [mean, variance].filter((buffer) => buffer && frozen.has(buffer));
    if (mean && variance && own.length === 2) statistics.set(node, { mean, variance });
    else if (own.length > 0) {
      const message = `The running statistics of "${node.name}" can only be frozen together, and ${own[0]!.name} is frozen alone`;
      throw new SaturnnError('ERR_INVALID_ARGUMENT', message);
    }
  }
  return statistics;
}

/** Returns the means or variances of batch normalisations that a running average follows; a layer that is used twice has two. */
function followed(value: Tensor): Tensor[] {
  const found: Tensor[] = [];
  for (let tensor: Tensor | null | undefined = value; tensor?.node.op === blendOp; tensor = tensor.node.inputs[0]) {
    const batch = tensor.node.inputs[1];
    if (batch?.node.op === batchNormOp) found.push(batch);
  }
  return found;
}
