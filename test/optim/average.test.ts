/** The average of the weights: its initial value, its value after each step, and evaluation with it. */
import { expect, test } from 'vitest';
import { compile } from '../../lib/compile/compile';
import { Graph } from '../../lib/compile/graph';
import { withAveragedWeights } from '../../lib/compile/withAveragedWeights';
import { Adam } from '../../lib/optim/adam';
import { Sgd } from '../../lib/optim/sgd';
import { openDevice } from '../../lib/runtime/device';
import { State } from '../../lib/tensor/state';
import { Parameter } from '../../lib/tensor/tensor';
import { evaluationGraph } from '../../lib/train/stepGraphs';
import { smallData, smallModel } from '../train/support';
import { inputsOf, makeTraining } from './support';

const device = openDevice('cpu');

test('it begins as the initial weights, and follows a weight that is written', async () => {
  const { state, parameters } = makeTraining(new Adam({ ema: { decay: 0.9 } }));
  await state.on(device);
  for (const parameter of parameters)
    expect(await state.read(parameter, 'averages')).toEqual(await state.read(parameter));
  const [weight, bias] = parameters as [Parameter, Parameter];
  const values = new Float32Array(bias.size).fill(7);
  await state.write(bias, values);
  expect(await state.read(bias, 'averages')).toEqual(values);
  expect(await state.read(weight, 'averages')).toEqual(await state.read(weight));
  // The moments, which lie before the average, must not have changed.
  const moments = new Float32Array((await state.readArena('optimizer')).slice().buffer, 0, 2 * state.size);
  expect(moments.every((value) => value === 0)).toBe(true);
  state.dispose();
});

test('after each step it has moved by the decay of that step', async () => {
  const { state, parameters, graph } = makeTraining(new Sgd({ ema: { decay: 0.2 } }));
  const plan = await compile(graph, { device });
  const [weight] = parameters as [Parameter];
  await state.on(device);
  let average = Float64Array.from(await state.read(weight));
  for (let step = 0; step < 4; step++) {
    await plan.run({ ...inputsOf(1), images: inputsOf(4).images.slice(step * 96, (step + 1) * 96) });
    // The decay rises from 0.1 over 2 / 11 to the given 0.2, and stays there.
    const decay = Math.min(0.2, (1 + step) / (10 + step));
    const weights = await state.read(weight);
    average = average.map((old, i) => decay * old + (1 - decay) * (weights[i] ?? Number.NaN));
    const found = await state.read(weight, 'averages');
    average.forEach((want, i) => {
      expect(found[i]).toBeCloseTo(want, 6);
    });
  }
  plan.dispose();
  state.dispose();
});

test('withAveragedWeights computes with the averages in place of the weights', async () => {
  const { state, parameters, logits, graph } = makeTraining(new Sgd({ ema: { decay: 0.9 } }));
  const plan = await compile(graph, { device });
  await plan.run(inputsOf(6), { steps: 6 });
  const forward = Graph.from({ outputs: { logits } });
  const run = async (one: Graph) => {
    const made = await compile(one, { device });
    const { outputs } = await made.run({ images: inputsOf(1).images });
    made.dispose();
    return outputs.logits;
  };
  const ofWeights = await run(forward);
  const ofAverages = await run(withAveragedWeights(forward, state));
  expect(ofAverages).not.toEqual(ofWeights);
  for (const parameter of parameters) await state.write(parameter, await state.read(parameter, 'averages'));
  expect(await run(forward)).toEqual(ofAverages);
  plan.dispose();
  state.dispose();
});

test('evaluationGraph can use it', async () => {
  const model = smallModel();
  const optimizer = new Sgd({ ema: { decay: 0.9 } });
  const state = new State(model.parameters, { optimizerSlots: optimizer.slots, averageSlot: optimizer.averageSlot });
  const { test: dataset } = smallData(8, 8);
  const images = [dataset.count, ...dataset.shape];
  const options = { model, state, statistics: dataset.statistics(), images, batch: 8 };
  const losses = [];
  await state.on(device);
  // In a new State the averages equal the weights. In the second round only the averages have changed.
  for (const round of [0, 1]) {
    if (round === 1) await state.writeArena('optimizer', new Uint8Array(optimizer.slots * state.size * 4));
    for (const averaged of [false, true]) {
      const plan = await compile(evaluationGraph(options, { averaged }), { device });
      const indices = Int32Array.from({ length: 8 }, (_, i) => i);
      const labels = Int32Array.from(dataset.labels);
      const { outputs } = await plan.run({ images: dataset.images, indices, labels });
      losses.push(outputs.loss?.[0]);
      plan.dispose();
    }
  }
  const [weights, averages, weightsAgain, zeros] = losses;
  expect(averages).toBe(weights);
  expect(weightsAgain).toBe(weights);
  // A network whose weights are all 0 gives every class the same probability.
  expect(zeros).toBeCloseTo(Math.log(100), 5);
  state.dispose();
});

test('States and graphs without an average are refused', async () => {
  const { state, logits, graph } = makeTraining(new Sgd());
  const invalid = (text: RegExp) =>
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(text) });
  expect(() => withAveragedWeights(Graph.from({ outputs: { logits } }), state)).toThrow(invalid(/averageSlot/));
  const [parameter] = state.parameters as [Parameter];
  await state.on(device);
  await expect(state.read(parameter, 'averages')).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  const other = makeTraining(new Sgd({ ema: { decay: 0.5 } }));
  expect(() => withAveragedWeights(other.graph, other.state)).toThrow(expect.objectContaining({ code: 'ERR_GRAPH' }));

  const fresh = () => new Parameter({ name: 'w', shape: [1], decay: true, initialize: () => new Float32Array(1) });
  expect(() => new State([fresh()], { averageSlot: 1 })).toThrow(invalid(/averageSlot/));
  expect(graph.updates).toHaveLength(2);
  state.dispose();
  other.state.dispose();
});
