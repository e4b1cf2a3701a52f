import { dimension, first } from '../../ops/op';
import { averagePoolGradientOp, averagePoolOp } from '../../ops/pooling';
import { makeNode, type Node, type Tensor, type TensorSpec } from '../../tensor/tensor';
import { decidesAboutMemory, type Graph } from '../graph';
import { isPointwiseConvolution, isPointwiseDgrad, isPointwiseWgrad, keepsPixels } from '../pointwise';
import { type Rewrite, rewriteGraph } from '../rewrite';
import { attributesKey, SharedTensors } from '../sharedTensors';

/**
 * Replaces an average pool followed by a 1x1 convolution by the convolution followed by the pool. Both are linear; the pool mixes
 * pixels and the convolution mixes channels, so they commute. A bias may stay in the convolution, because the mean of a constant
 * over any window, clipped or not, is that constant. The exchange is made where the convolution reduces channels: the pool then
 * has fewer channels to work on, and the backward pass needs the pool's input, which other branches keep anyway, and no longer
 * its output. The convolution then reads the same image as its siblings, so mergeSiblingConvs runs after this pass. Rules:
 *
 *   conv2d(pool(x), w, b)      -> pool(conv2d(x, w, b))
 *   wgrad(pool(x), dy)         -> wgrad(x, poolGradient(dy))
 *   poolGradient(dgrad(dy, w)) -> dgrad(poolGradient(dy), w)
 *
 * It applies only to pools that keep the image's size; after others the convolution has fewer pixels to work on. A graph with
 * decisions about memory is returned unchanged.
 */
export function commuteAveragePool(graph: Graph): Graph {
  return decidesAboutMemory(graph) ? graph : rewriteGraph(graph, rules(graph));
}

function rules(graph: Graph): Rewrite {
  const readers = graph.readers();
  const results = graph.results();
  const shared = new SharedTensors();

  /**
   * Returns whether a tensor is the output of a pool that this pass removes: one reducing 1x1 convolution reads it, and else
   * only wgrads.
   */
  const commutes = (pooled: Tensor): boolean => {
    const { op, inputs, attributes } = pooled.node;
    if (op !== averagePoolOp || !keepsSize(attributes, inputs[0], pooled) || results.has(pooled)) return false;
    const all = readers.get(pooled) ?? [];
    const convolutions = all.filter(
      (node) => !(isPointwiseWgrad(node) && keepsPixels(node) && node.inputs[0] === pooled),
    );
    const [convolution] = convolutions;
    return convolution !== undefined && convolutions.length === 1 && narrows(convolution);
  };

  /** Returns the gradient of the pool applied to `dy`. @param like a node with the pool's attributes: the pool or its gradient */
  const gradientOfPool = (dy: Tensor, like: Node, order: number): Tensor =>
    shared.get(`gradient ${attributesKey(windows(like))}`, [dy], () => {
      const { dtype, shape, image } = dy;
      const attributes = { ...windows(like), height: dimension(shape, 1), width: dimension(shape, 2) };
      return made({ ...like, order, op: averagePoolGradientOp, attributes, inputs: [dy] }, { dtype, shape, image });
    });

  return (node, inputs) => {
    const [before] = node.inputs;
    const [x, second] = inputs;
    const [output] = node.outputs;
    if (!before || !x || !output) return null;
    if (isPointwiseConvolution(node) && commutes(before)) {
      const [image = null] = x.node.inputs;
      const projection = made({ ...node, order: x.node.order, inputs: [image, ...inputs.slice(1)] }, output);
      return [made({ ...x.node, order: node.order, inputs: [projection] }, output)];
    }
    if (isPointwiseWgrad(node) && keepsPixels(node) && second && commutes(before)) {
      const [image = null] = x.node.inputs;
      const dy = gradientOfPool(second, x.node, node.order);
      return makeNode({ ...node, inputs: [image, dy] }, node.outputs).outputs;
    }
    if (node.op === averagePoolGradientOp && keepsSize(node.attributes, before, output) && gradientNarrows(before)) {
      const [dy, weight = null] = x.node.inputs;
      if (readers.get(before)?.length !== 1 || results.has(before) || !dy) return null;
      const pooled = gradientOfPool(dy, node, x.node.order);
      return [made({ ...x.node, order: node.order, inputs: [pooled, weight] }, output)];
    }
    return null;
  };
}

/** Returns whether a node is a 1x1 convolution, with stride 1 and no padding, that reduces the number of channels. */
function narrows(node: Node): boolean {
  const [outputs = 0, , , inputs = 0] = node.inputs[1]?.shape ?? [];
  return isPointwiseConvolution(node) && keepsPixels(node) && outputs < inputs;
}

/** Returns whether a tensor is the dgrad of such a convolution. */
function gradientNarrows({ node }: Tensor): boolean {
  const [outputs = 0, , , inputs = 0] = node.inputs[1]?.shape ?? [];
  return isPointwiseDgrad(node) && keepsPixels(node) && outputs < inputs;
}

/** Returns whether a pool has stride 1, and an output as high and wide as its input. */
function keepsSize(
  { strideH, strideW }: Node['attributes'],
  x: Tensor | null | undefined,
  y: Tensor | null | undefined,
): boolean {
  const same = (axis: number) => x?.shape[axis] === y?.shape[axis];
  return strideH === 1 && strideW === 1 && same(1) && same(2);
}

/** Returns a pool's attributes without height and width, which only its gradient has. */
function windows({ attributes: { height: _, width: __, ...rest } }: Node): Readonly<Record<string, number>> {
  return rest;
}

/** Makes a node and returns its output, which has the given spec. */
const made = (node: Omit<Node, 'outputs'>, spec: TensorSpec): Tensor => first(makeNode(node, [spec]).outputs);
