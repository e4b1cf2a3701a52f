import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SaturnnError } from '../../lib/errors';
import { BatchNorm, inference, Linear, TrainingContext } from '../../lib/layers';
import { createModel, functionalModel, type Model } from '../../lib/models';
import { checkForm, formatNetwork } from '../../lib/models/saved/form';
import { rebuildNetwork, type SavedValues } from '../../lib/models/saved/rebuild';
import { type RecordedNetwork, recordNetwork } from '../../lib/models/saved/record';
import { ops } from '../../lib/ops';
import { rrelu } from '../../lib/ops/activations';
import { add } from '../../lib/ops/channels';
import { softmaxCrossEntropy } from '../../lib/ops/classification';
import { moments } from '../../lib/ops/normalization';
import { globalAveragePool } from '../../lib/ops/pooling';
import { State, StateBuffer } from '../../lib/tensor/state';
import { constant, input, sizeOf, type Tensor } from '../../lib/tensor/tensor';
import { describeModel } from '../../lib/train/checkpoint/checkpointInfo';
import { TestRandom, testSeed } from '../random';
import { branchedModel, builtInNames, drawnModel } from './networks';

/** Returns tensors with numbers for everything that a network has, as its file has them. */
function tensorsOf({ network, constants }: RecordedNetwork): Map<string, SavedValues> {
  const named = [...network.parameters, ...network.buffers];
  const values = named.map(({ name, shape }) => [name, { shape, data: new Float32Array(sizeOf(shape)) }] as const);
  return new Map<string, SavedValues>([...values, ...constants]);
}

/** Brings a network through the text of a file. */
function throughText(model: Model) {
  const recorded = recordNetwork(model);
  const text = formatNetwork(recorded.network);
  const network = checkForm(JSON.parse(text));
  return { recorded, text, network, rebuilt: rebuildNetwork(network, tensorsOf(recorded)) };
}

const asModel = (rebuilt: ReturnType<typeof rebuildNetwork>, { name, width, activation }: Model): Model => ({
  ...{ name, width, activation },
  ...rebuilt,
});

function expectSame(model: Model): void {
  const { recorded, network, rebuilt } = throughText(model);
  expect(network).toEqual(JSON.parse(JSON.stringify(recorded.network)));
  expect({ ...rebuilt, classes: rebuilt.classes }).toMatchObject({
    classes: model.classes,
    inputShape: model.inputShape,
  });
  const again = asModel(rebuilt, model);
  expect(recordNetwork(again)).toEqual(recorded);
  const [own, theirs] = [model, again].map((one) =>
    describeModel(one, new State(one.parameters, { buffers: one.buffers })),
  );
  expect({ ...theirs, computation: null }).toEqual({ ...own, computation: null });
}

describe('a network that went through its description', () => {
  test.each(builtInNames)('%s is the same', (name) => {
    expectSame(
      createModel(name, {
        normalization: 'batch',
        dropout: 0.2,
        width: 0.02,
        size: 16,
        classes: 7,
        activation: rrelu(),
      }),
    );
  });

  test('of branches, residuals, shared layers, normalisation, dropout and constants is the same', () => {
    expectSame(branchedModel());
    // Resumed from the same checkpoint: the hash of the computation is the same too.
    const model = branchedModel();
    const { rebuilt } = throughText(model);
    const hashes = [model, asModel(rebuilt, model)].map((one) =>
      describeModel(one, new State(one.parameters, { buffers: one.buffers })),
    );
    expect(hashes[0]).toEqual(hashes[1]);
  });

  test('of the public ops, drawn 40 times, is the same', () => {
    for (let stream = 0; stream < 40; stream++) {
      try {
        expectSame(drawnModel(new TestRandom(testSeed, stream)));
      } catch (error) {
        throw new Error(`network ${stream} of seed ${testSeed}: ${(error as Error).message}`, { cause: error });
      }
    }
  });

  test('makes its passes for any number of images, and asks for a context only if the passes differ', () => {
    const { rebuilt } = throughText(branchedModel());
    for (const batch of [1, 5]) {
      expect(rebuilt.forward(input('x', [batch, 8, 8, 3]), inference).shape).toEqual([batch, 10]);
    }
    const context = new TrainingContext(input('counter', [2], { dtype: 'i32' }));
    expect(rebuilt.forward(input('x', [4, 8, 8, 3]), context).shape).toEqual([4, 10]);
    expect([...context.remembered.keys()].map(({ name }) => name)).toEqual([
      ...['stem', 'thin', 'norm'].flatMap((name) => [`${name}/runningMean`, `${name}/runningVariance`]),
    ]);
    const without = { training: true, counter: null, remember: () => {} };
    expect(() => rebuilt.forward(input('x', [4, 8, 8, 3]), without)).toThrow(/the counter of a State/);
    expect(() => rebuilt.forward(input('x', [4, 8, 8, 3]))).toThrow(/layers\.inference, or new/);
    const { network, rebuilt: plain } = throughText(createModel('subInception', { width: 0.02, size: 8 }));
    expect(network.training).toBeUndefined();
    expect(plain.forward(input('x', [4, 8, 8, 3])).shape).toEqual([4, 100]);
  });
});

describe('a description', () => {
  test('can be read: a line for each tensor and node, with the options of the op', () => {
    const { text } = throughText(branchedModel());
    const lines = text.split('\n');
    expect(lines[0]).toBe('{"version":1,');
    for (const line of [
      '{"op":"input","name":"images","shape":["N",8,8,3]},',
      '{"op":"maxPool","inputs":[5],"options":{"kernel":[3,3],"stride":[2,2],"padding":[0,0],"ceil":true},"shape":["N",4,4,16]},',
      '{"op":"activation","name":"wide","inputs":[15,"wide/bias"],"options":{"activation":"leakyRelu:0.22916666666666666"},"shape":["N",4,4,16]},',
      '{"op":"blend","name":"norm","inputs":["norm/runningMean",[25,1]],"options":{"keep":0.8},"shape":[32]},',
      '{"name":"head/bias","shape":[10],"decay":false}',
    ])
      expect(lines).toContain(line);
  });

  test('exists for every op that a network can be trained through, but the losses', () => {
    const withGradient = ops.filter(({ gradient, saved }) => gradient && !saved).map(({ name }) => name);
    expect(withGradient).toEqual(
      ['augment', 'mix', 'softmaxCrossEntropy', 'elementLoss'].filter((name) => withGradient.includes(name)),
    );
    const saved = ops.filter((op) => op.saved).map(({ name }) => name);
    expect(saved).not.toContain('sgd');
    // docs/models.md has them all.
    const table = readFileSync(join(__dirname, '../../docs/models.md'), 'utf8').match(/^\| op \|[\s\S]*?\n\n/m)![0];
    expect(saved.filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
  });

  test('exists of a buffer that is set to anything that public ops compute', () => {
    const seen = new StateBuffer({ name: 'seen', shape: [2] });
    const head = new Linear({ name: 'head', inputs: 3, outputs: 4 });
    expectSame(
      functionalModel({
        ...{ parameters: head.parameters, buffers: [seen], inputShape: [4, 4, 3], classes: 4 },
        forward(x, context) {
          context.remember(seen, (old) => add(old, moments(x)));
          return head.forward(globalAveragePool(x));
        },
      }),
    );
  });

  test('does not exist of passes that no file can hold', () => {
    const head = new Linear({ name: 'head', inputs: 3, outputs: 4 });
    const refused = (forward: (x: Tensor) => Tensor, message: RegExp) => {
      const model = { ...branchedModel(), parameters: head.parameters, buffers: [], classes: 4, forward };
      expect(() => recordNetwork(model)).toThrow(message);
    };
    const logits = (x: Tensor) => head.forward(globalAveragePool(x));
    refused((x) => add(logits(x), input('noise', [x.shape[0]!, 4])), /an input of its own, "noise"/);
    const zeros = (x: Tensor) => constant(new Float32Array(4 * x.shape[0]!), [x.shape[0]!, 4]);
    refused((x) => add(logits(x), zeros(x)), /depends on the number of images in constant "constant"/);
    refused(
      (x) => (x.shape[0] === 2 ? logits(x) : add(logits(x), logits(x))),
      /other nodes for another number of images/,
    );
    const labels = constant(new Int32Array(2));
    refused(
      (x) => softmaxCrossEntropy(logits(x), labels).probabilities,
      /no file can hold op softmaxCrossEntropy|labels/,
    );
    const other = new BatchNorm({ name: 'other', channels: 3 });
    refused((x) => logits(other.forward(x)), /reads "other\/scale", which is no parameter or buffer of the model/);
  });
});

/** A SavedNetwork whose values may be anything. */
interface Loose {
  parameters: { name: string; shape: number[] }[];
  inference: LoosePass;
  training: LoosePass;
}
interface LoosePass {
  nodes: LooseNode[];
  logits: unknown;
  remember?: { buffer: string; value: unknown }[];
}
interface LooseNode {
  op: string;
  inputs?: unknown[];
  options?: Record<string, unknown>;
  shape: unknown[];
  colour?: string;
}

describe('a description that is wrong', () => {
  const { recorded } = throughText(branchedModel());
  const refused = (change: (network: Loose, tensors: Map<string, SavedValues>) => unknown): string => {
    const network = JSON.parse(formatNetwork(recorded.network));
    const tensors = tensorsOf(recorded);
    const changed = change(network, tensors);
    try {
      rebuildNetwork(checkForm(changed === undefined ? network : changed), tensors);
    } catch (error) {
      expect(error).toBeInstanceOf(SaturnnError);
      expect(['ERR_DATA', 'ERR_INVALID_ARGUMENT']).toContain((error as SaturnnError).code);
      return (error as Error).message;
    }
    throw new Error('nothing was refused');
  };
  const node = (network: Loose, op: string) => network.inference.nodes.find((one) => one.op === op)!;

  test('is refused by version and form', () => {
    expect(refused((network) => ({ ...network, version: 2 }))).toBe(
      'its graph has version 2, and this reads 1: a newer version of saturnn has written it',
    );
    expect(refused(() => null)).toMatch(/version nothing/);
    expect(refused(() => [])).toMatch(/version nothing/);
    expect(refused((network) => ({ ...network, inference: 3 }))).toMatch(
      /an object \{ nodes, logits, remember \} for inference/,
    );
    expect(
      refused((network) => {
        network.inference.nodes[3]!.inputs = 3 as never;
      }),
    ).toMatch(/inference\.nodes\[3\]\.inputs/);
    expect(
      refused((network) => {
        network.inference.nodes[3]!.options = { stride: {} };
      }),
    ).toMatch(/nodes\[3\]\.options/);
    expect(
      refused((network) => {
        network.inference.nodes[3]!.colour = 'red';
      }),
    ).toMatch(/no option "colour"/);
  });

  test('is refused by node: unknown ops and options, inputs that do not fit, shapes that are others', () => {
    expect(
      refused((n) => {
        node(n, 'maxPool').op = 'maxPol';
      }),
    ).toMatch(
      /^node 6 \("maxPol" "maxPol"\) of the inference pass of its graph: .*no op "maxPol".*: did you mean "maxPool"\?$/,
    );
    expect(
      refused((n) => {
        node(n, 'maxPool').op = 'sgd';
      }),
    ).toMatch(/no op "sgd" for forward passes/);
    expect(
      refused((n) => {
        node(n, 'maxPool').options!.stride = [0, 2];
      }),
    ).toMatch(/node 6 .*stride\[0\]/);
    expect(
      refused((n) => {
        node(n, 'maxPool').options!.colour = 3;
      }),
    ).toMatch(/maxPool\(\) has no option "colour"/);
    expect(
      refused((n) => {
        node(n, 'conv2d').options!.bias = 3;
      }),
    ).toMatch(/has an option "bias", which conv2d does not/);
    expect(
      refused((n) => {
        node(n, 'activation').options!.activation = 'tan';
      }),
    ).toMatch(/one of .* but received "tan"/);
    expect(refused((n) => void node(n, 'maxPool').inputs!.push(0))).toMatch(/does not take these 2 inputs/);
    expect(
      refused((n) => {
        node(n, 'add').inputs = [4];
      }),
    ).toMatch(/"add" does not take these 1 inputs/);
    expect(
      refused((n) => {
        node(n, 'maxPool').inputs = [];
      }),
    ).toMatch(/a tensor for x/);
    expect(
      refused((n) => {
        node(n, 'maxPool').shape[1] = 5;
      }),
    ).toMatch(/it says shape \[N,5,4,16\], but for 2 images it has \[2,4,4,16\]/);
    expect(
      refused((n) => {
        n.training.nodes.length = 3;
      }),
    ).toMatch(/the result of the training pass/);
    expect(
      refused((n) => {
        n.inference.logits = 'head/weight';
      }),
    ).toMatch(/it has shape \[10,32\] for 2 images/);
    expect(
      refused((n) => {
        n.inference.nodes[0]!.shape = ['N', 4, 4];
      }),
    ).toMatch(/does not begin with the input images/);
  });

  test('is refused by reference: later nodes, circles, outputs and names that are not there', () => {
    const { length } = recorded.network.inference.nodes;
    for (const reference of [6, 7, length, 1e9, [5, 1], [0, 3], [99, 0]])
      expect(
        refused((n) => {
          node(n, 'maxPool').inputs = [reference];
        }),
      ).toMatch(/which is no output of a node before it/);
    expect(
      refused((n) => {
        node(n, 'maxPool').inputs = ['stem/wieght'];
      }),
    ).toMatch(/"stem\/wieght".*did you mean "stem\/weight"\?/);
    for (const reference of [-1, 1.5, [0], true, {}, [0, 'x']])
      expect(
        refused((n) => {
          node(n, 'maxPool').inputs = [reference];
        }),
      ).toMatch(/a node \(its index, or \[index, output\]\)/);
    expect(
      refused((n) => {
        n.training.remember![0]!.buffer = 'head/bias';
      }),
    ).toMatch(/"head\/bias".* is no buffer/);
    expect(
      refused((n) => {
        n.training.remember![0]!.value = 3;
      }),
    ).toMatch(/cannot be set to a value of shape/);
  });

  test('is refused by tensor: shapes, names, the nearest name', () => {
    expect(
      refused((n) => {
        n.parameters[0]!.shape = [99, 3, 3, 3];
      }),
    ).toBe('expected shape [99,3,3,3] for "stem/weight" but received [16,3,3,3]');
    expect(
      refused((n) => {
        n.parameters[0]!.name = 'stem/wieght';
      }),
    ).toBe('it has no F32 tensor "stem/wieght" (the nearest name that it has is "stem/weight")');
    expect(refused((n) => void n.parameters.push(n.parameters[0]!))).toMatch(
      /two parameters or buffers "stem\/weight"/,
    );
    expect(
      refused((n) => {
        n.parameters = [];
      }),
    ).toMatch(/no parameters/);
    expect(refused((_, tensors) => void tensors.delete('constant/0'))).toMatch(/no tensor "constant\/0"/);
    expect(refused((_, tensors) => void tensors.set('constant/0', { shape: [1], data: new Float32Array(1) }))).toMatch(
      /for the constant "constant\/0"/,
    );
  });

  test('of huge sizes, or very long, is refused soon', () => {
    expect(
      refused((n) => {
        const nodes = [n.inference.nodes[0]!];
        for (let at = 0, size = 3; at < 60; at++) {
          size *= 2;
          nodes.push({ op: 'concat', inputs: [at, at], shape: ['N', 8, 8, size] });
        }
        n.inference = { nodes, logits: 60 };
      }),
    ).toMatch(/has 2\^31 elements or more/);
    expect(
      refused((n) => {
        const deep = Array.from({ length: 5_000 }, (_, at) => ({
          op: 'add',
          inputs: [at, at],
          shape: ['N', 8, 8, 3],
        }));
        n.inference = { nodes: [n.inference.nodes[0]!, ...deep], logits: 5_000 };
      }),
    ).toMatch(/should have \[N, 1 to 1000000\]/);
  });
});
