/** Cases of linear layers: forward, dgrad and wgrad. */
import { linear, linearDgrad, linearWgrad } from '../../lib/ops/linear';
import { type Fill, withNaN } from './fills';
import { type Builder, type Case, type GradientProblems, graphCase } from './problem';

function casesOf(batch: number, inputs: number, outputs: number): Case[] {
  const name = `${inputs} -> ${outputs}, batch ${batch}`;
  const x = (b: Builder, fill?: Fill) => b.plain('x', [batch, inputs], fill);
  const dy = (b: Builder, fill?: Fill) => b.plain('dy', [batch, outputs], fill);
  const weight = (b: Builder) => b.plain('weight', [outputs, inputs]);
  const withFill = (suffix: string, fill?: Fill) => [
    graphCase(`linear ${name}${suffix}`, ['linear'], (b) => ({
      y: linear(x(b, fill), weight(b), { bias: b.plain('bias', [outputs]) }),
    })),
    graphCase(`linearDgrad ${name}${suffix}`, ['linearDgrad'], (b) => ({ dx: linearDgrad(dy(b, fill), weight(b)) })),
    graphCase(`linearWgrad ${name}${suffix}`, ['linearWgrad'], (b) => ({ ...linearWgrad(x(b), dy(b, fill)) })),
  ];
  return [
    ...withFill(''),
    ...withFill(', a NaN', withNaN()),
    graphCase(`linear without bias ${name}`, ['linear'], (b) => ({ y: linear(x(b), weight(b)) })),
  ];
}

export const linearCases: readonly Case[] = [
  [3, 33, 7],
  [1, 48, 100],
  [64, 16, 10],
  [1, 1, 1],
].flatMap(([batch = 1, inputs = 1, outputs = 1]) => casesOf(batch, inputs, outputs));

/** Graphs of one op whose gradients are compared with finite differences, by op and variant. */
export const linearGradients: GradientProblems = {
  linear: (b) => linear(b.plain('x', [3, 7]), b.plain('weight', [5, 7]), { bias: b.plain('bias', [5]) }),
};
