import { dimension, first } from '../../ops/op';
import { averagePoolGradientOp, averagePoolOp } from '../../ops/pooling';
import { makeNode, type Node, type Tensor, type TensorSpec } from '../../tensor/tensor';
import { decidesAboutMemory, type Graph } from '../graph';
import { isPointwiseConvolution, isPointwiseDgrad, isPointwiseWgrad, keepsPixels } from '../pointwise';
import { type Rewrite, rewriteGraph } from '../rewrite';
import { attributesKey, SharedTensors } from '../sharedTensors';

/**
 * average pool, then 1x1 convolution -> the convolution, then the pool. The pool mixes pixels and the convolution channels,
 * both are linear, and the mean of a constant over any window, clipped or not, is that constant, so a bias may stay in the
 * convolution. Where the convolution reduces channels, the pool has less to do, and what the backward pass keeps is the
 * pool's input, which others keep as well, rather than its output. The projection then also reads what its siblings read:
 * mergeSiblingConvs comes after. The nodes of the backward pass commute by rules of their own:
 *
 *   conv2d(pool(x), w, b)      -> pool(conv2d(x, w, b))
 *   wgrad(pool(x), dy)         -> wgrad(x, poolGradient(dy))
 *   poolGradient(dgrad(dy, w)) -> dgrad(poolGradient(dy), w)
 *
 * Only pools that keep the image's size, since otherwise the convolution would have more to do. A graph whose memory has
 * been decided about stays as it is.
 */
export function commuteAveragePool(graph: Graph): Graph {
  return decidesAboutMemory(graph) ? graph : rewriteGraph(graph, rules(graph));
}

function rules(graph: Graph): Rewrite {
  const readers = graph.readers();
  const results = graph.results();
  const shared = new SharedTensors();

  /** Whether the pool's output can go: one convolution reads it, which reduces channels, and gradients of weights. */
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

  /** @param like the pool's attributes, or its gradient's */
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

/** A 1x1 convolution, pixel by pixel, of which more channels go in than come out. */
function narrows(node: Node): boolean {
  const [outputs = 0, , , inputs = 0] = node.inputs[1]?.shape ?? [];
  return isPointwiseConvolution(node) && keepsPixels(node) && outputs < inputs;
}

/** The gradient of such a convolution's image. */
function gradientNarrows({ node }: Tensor): boolean {
  const [outputs = 0, , , inputs = 0] = node.inputs[1]?.shape ?? [];
  return isPointwiseDgrad(node) && keepsPixels(node) && outputs < inputs;
}

/** A pool with stride 1 whose image and result have the same height and width. */
function keepsSize(
  { strideH, strideW }: Node['attributes'],
  x: Tensor | null | undefined,
  y: Tensor | null | undefined,
): boolean {
  const same = (axis: number) => x?.shape[axis] === y?.shape[axis];
  return strideH === 1 && strideW === 1 && same(1) && same(2);
}

/** A pool's attributes but for what its gradient adds. */
function windows({ attributes: { height: _, width: __, ...rest } }: Node): Readonly<Record<string, number>> {
  return rest;
}

/** The output of a new node, like `spec`. */
const made = (node: Omit<Node, 'outputs'>, spec: TensorSpec): Tensor => first(makeNode(node, [spec]).outputs);
