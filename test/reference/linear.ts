/** References of linear, dgrad and wgrad. x [N, I], weight [O, I], bias [O] -> y [N, O]. */
import { sumOverRows } from './convolution';
import { accumulate, at, type Values, zeros } from './values';

function sizes(y: readonly number[], x: readonly number[]): [rows: number, outputs: number, inputs: number] {
  return [at(x, 0), at(y, 1), at(x, 1)];
}

export function linear(x: Values, weight: Values, bias: Values | null | undefined): Values {
  const y = zeros([at(x.shape, 0), at(weight.shape, 0)]);
  const [rows, outputs, inputs] = sizes(y.shape, x.shape);
  for (let n = 0; n < rows; n++)
    for (let o = 0; o < outputs; o++) {
      if (bias) accumulate(y, n * outputs + o, at(bias.data, o));
      for (let i = 0; i < inputs; i++)
        accumulate(y, n * outputs + o, at(x.data, n * inputs + i) * at(weight.data, o * inputs + i));
    }
  return y;
}

export function linearDgrad(dy: Values, weight: Values): Values {
  const dx = zeros([at(dy.shape, 0), at(weight.shape, 1)]);
  const [rows, outputs, inputs] = sizes(dy.shape, dx.shape);
  for (let n = 0; n < rows; n++)
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < inputs; i++)
        accumulate(dx, n * inputs + i, at(dy.data, n * outputs + o) * at(weight.data, o * inputs + i));
  return dx;
}

export function linearWgrad(x: Values, dy: Values): Values[] {
  const [rows, outputs, inputs] = sizes(dy.shape, x.shape);
  const dweight = zeros([outputs, inputs]);
  for (let n = 0; n < rows; n++)
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < inputs; i++)
        accumulate(dweight, o * inputs + i, at(dy.data, n * outputs + o) * at(x.data, n * inputs + i));
  return [dweight, sumOverRows(dy)];
}
