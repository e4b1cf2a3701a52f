/** The target of the fuzz test for the graph in a model file, with which the functions of the ops are called. */
import type { NamedTensor } from '../../lib/files/safetensors';
import { BatchNorm, Conv2d, Dropout, inference, Linear, TrainingContext } from '../../lib/layers';
import { functionalModel, type Model } from '../../lib/models';
import { formatNetwork } from '../../lib/models/saved/form';
import { recordNetwork } from '../../lib/models/saved/record';
import { encodeModel } from '../../lib/onnx/encode';
import { onnxModelOf } from '../../lib/onnx/model';
import { activate } from '../../lib/ops/activation';
import { rrelu, tanh } from '../../lib/ops/activations';
import { add, concat, slice } from '../../lib/ops/channels';
import { conv2d } from '../../lib/ops/convolution';
import { averagePool, globalAveragePool, maxPool } from '../../lib/ops/pooling';
import { constant, input, sizeOf } from '../../lib/tensor/tensor';
import { modelOf } from '../../lib/train/modelFile/loadModel';
import type { FuzzRandom } from './mutate';

/** Makes small networks that together have every op that a graph may hold but moments and copy. */
function seedModels(): Model[] {
  const conv = new Conv2d({ name: 'c', inputs: 3, outputs: 2, kernel: 3, padding: 1, activation: tanh() });
  const norm = new BatchNorm({ name: 'n', channels: 4 });
  const drop = new Dropout({ name: 'd', rate: 0.5 });
  const head = new Linear({ name: 'head', inputs: 4, outputs: 2 });
  const other = new Linear({ name: 'other', inputs: 3, outputs: 2 });
  const common = { inputShape: [4, 4, 3] as const, classes: 2 };
  return [
    functionalModel({
      ...{ ...common, parameters: [...conv.parameters, ...norm.parameters, ...head.parameters], buffers: norm.buffers },
      forward(x) {
        const y = conv.forward(x);
        return head.forward(drop.forward(globalAveragePool(norm.forward(concat([y, add(y, y)])))));
      },
    }),
    functionalModel({
      ...{ ...common, parameters: other.parameters },
      forward(x, context) {
        const y = activate(conv2d(x, constant(new Float32Array(9), [3, 1, 1, 3])), rrelu(), { name: 'r', context });
        const pooled = maxPool(averagePool(y, { kernel: 2, stride: 1 }), { kernel: 2, stride: 2, ceil: true });
        return other.forward(globalAveragePool(slice(pooled, { channelOffset: 0, channels: 3 })));
      },
    }),
  ];
}

const recorded = seedModels().map(recordNetwork);

/** The tensors of all seeds. */
const tensors = new Map<string, NamedTensor>(
  recorded.flatMap(({ network, constants }) => [
    ...[...network.parameters, ...network.buffers].map(
      ({ name, shape }) => [name, { shape, data: new Float32Array(sizeOf(shape)) }] as const,
    ),
    ...constants,
  ]),
);

const described = { activation: 'tanh', mean: '[1,2,3]', meanShape: '[3]', scale: '[1,1,1]' };

/** Reads a graph, makes the passes of what is accepted once more, and an ONNX file. */
export function checkGraph(bytes: Uint8Array): void {
  const graph = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const { model, statistics } = modelOf({ tensors, metadata: { ...described, graph } }, 'mutated');
  const x = input('x', [3, ...model.inputShape]);
  const counter = input('counter', [2], { dtype: 'i32' });
  for (const context of [inference, new TrainingContext(counter)]) {
    const { shape } = model.forward(x, context);
    if (String(shape) !== `3,${model.classes}`) throw new Error(`accepted, but its logits are [${shape}]`);
  }
  const lacking = model.parameters.find(({ name }) => !tensors.has(name));
  if (lacking) throw new Error(`accepted, but the file has no ${lacking.name}`);
  encodeModel(onnxModelOf({ model, statistics }, described, { floatInput: false, dtype: 'f32' }).model);
}

/** Valid graphs. */
export const graphSeeds: readonly Uint8Array[] = recorded.map(({ network }) => Buffer.from(formatNetwork(network)));

/** Values that stand in places where others are expected. */
const strange = [0, 1, 2, -1, 1.5, 2 ** 31, 1e300, 'N', 'conv2d', 'c/weight', '', true, null, [], {}, [0, 0], [9, 9]];

/** Replaces three quarters of the mutated texts, which are mostly no JSON, by graphs of which some values were changed. */
export function changeGraph(bytes: Buffer, random: FuzzRandom): Uint8Array {
  if (random.integer(4) === 0) return bytes;
  const network: unknown = JSON.parse(Buffer.from(random.pick(graphSeeds)).toString());
  for (let left = 1 + random.integer(3); left > 0; left--) changeWithin(network, random);
  return Buffer.from(JSON.stringify(network));
}

/** Changes a value at a random depth: replaces, removes, repeats it, or exchanges it with another one of the same object. */
function changeWithin(value: unknown, random: FuzzRandom): void {
  if (typeof value !== 'object' || value === null) return;
  const keys = Object.keys(value);
  if (keys.length === 0) return;
  const inner = value as Record<string, unknown>;
  const [key, other] = [random.pick(keys), random.pick(keys)];
  const isLeaf = typeof inner[key] !== 'object' || inner[key] === null;
  if (!isLeaf && random.integer(4)) {
    changeWithin(inner[key], random);
    return;
  }
  const kind = random.integer(5);
  if (kind === 0) inner[key] = random.pick(strange);
  else if (kind === 1) [inner[key], inner[other]] = [inner[other], inner[key]];
  else if (kind === 2 && typeof inner[key] === 'number') inner[key] = inner[key] + random.integer(3) - 1;
  else if (Array.isArray(value)) value.splice(Number(key), random.integer(2), value[Number(other)]);
  else if (kind === 3) delete inner[key];
}
