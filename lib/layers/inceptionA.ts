import { Concatenate } from './concatenate';
import { Conv2d, type ConvolutionStyle } from './conv2d';
import type { Layer } from './layer';
import { AveragePool, MaxPool } from './pooling';
import { Sequential } from './sequential';

export interface InceptionAOptions extends ConvolutionStyle {
  name: string;
  /** Channels of x. */
  inputs: number;
  /** Channels of the 1x1 branch. */
  c1: number;
  /** Of the 3x3 branch: reduction, convolution. */
  c3r: number;
  c3: number;
  /** Of the double 3x3 branch: reduction, both convolutions. */
  d3r: number;
  d3: number;
  pool: 'average' | 'max';
  /** Channels of the projection after the pool. */
  projection: number;
}

/** Block A: 1x1 · 1x1->3x3 · 1x1->3x3->3x3 · pool->1x1, concatenated. [N, H, W, inputs] -> [N, H, W, c1+c3+d3+projection] */
export function inceptionA(options: InceptionAOptions): Layer {
  const { name, inputs, c1, c3r, c3, d3r, d3, pool, projection, ...style } = options;
  const conv = (part: string, from: number, to: number, size: 1 | 3) =>
    new Conv2d({
      name: `${name}/${part}`,
      inputs: from,
      outputs: to,
      kernel: size,
      padding: size === 3 ? 1 : 0,
      ...style,
    });
  const Pool = pool === 'max' ? MaxPool : AveragePool;
  return new Concatenate(
    [
      conv('1x1', inputs, c1, 1),
      new Sequential([conv('3x3r', inputs, c3r, 1), conv('3x3', c3r, c3, 3)]),
      new Sequential([conv('d3x3r', inputs, d3r, 1), conv('d3x3a', d3r, d3, 3), conv('d3x3b', d3, d3, 3)]),
      new Sequential([
        new Pool({ kernel: 3, stride: 1, padding: 1, name: `${name}/pool` }),
        conv('projection', inputs, projection, 1),
      ]),
    ],
    { name },
  );
}
