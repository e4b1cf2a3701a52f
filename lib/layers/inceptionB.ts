import { Concatenate } from './concatenate';
import { Conv2d, type ConvolutionStyle } from './conv2d';
import type { Layer } from './layer';
import { MaxPool } from './pooling';
import { Sequential } from './sequential';

export interface InceptionBOptions extends ConvolutionStyle {
  name: string;
  /** Channels of x. */
  inputs: number;
  /** Of the 3x3 branch: reduction, convolution. */
  c3r: number;
  c3: number;
  /** Of the double 3x3 branch: reduction, both convolutions. */
  d3r: number;
  d3: number;
}

/**
 * Block B halves the image: 1x1->3x3/2 · 1x1->3x3->3x3/2 · max 3x3/2, concatenated.
 * [N, H, W, inputs] -> [N, H/2, W/2, c3+d3+inputs]. H and W must be even: only then is the pool's size, rounded up, that
 * of the convolutions.
 */
export function inceptionB(options: InceptionBOptions): Layer {
  const { name, inputs, c3r, c3, d3r, d3, ...style } = options;
  const reduce = (part: string, to: number) =>
    new Conv2d({ name: `${name}/${part}`, inputs, outputs: to, kernel: 1, ...style });
  const conv = (part: string, from: number, to: number, stride: number) =>
    new Conv2d({
      name: `${name}/${part}`,
      inputs: from,
      outputs: to,
      kernel: 3,
      stride,
      padding: 1,
      ...style,
    });
  return new Concatenate(
    [
      new Sequential([reduce('3x3r', c3r), conv('3x3', c3r, c3, 2)]),
      new Sequential([reduce('d3x3r', d3r), conv('d3x3a', d3r, d3, 1), conv('d3x3b', d3, d3, 2)]),
      new MaxPool({ kernel: 3, stride: 2, ceil: true, name: `${name}/pool` }),
    ],
    { name },
  );
}
