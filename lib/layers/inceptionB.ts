import { integer, text } from '../options/field';
import { Options } from '../options/options';
import { Concatenate } from './concatenate';
import { Conv2d, type ConvolutionStyle, styleFields } from './conv2d';
import { halvingPool } from './halvingPool';
import type { Layer } from './layer';
import { Sequential } from './sequential';

/** Options of inceptionB(). Those of ConvolutionStyle apply to all of its convolutions. */
export interface InceptionBOptions extends ConvolutionStyle {
  /** Name of the block, and prefix of the names of its layers. */
  name: string;
  /** Channels of x. */
  inputs: number;
  /** Channels of the 1x1 reduction in the 3x3 branch. */
  c3r: number;
  /** Channels of the 3x3 convolution in the 3x3 branch. */
  c3: number;
  /** Channels of the 1x1 reduction in the double 3x3 branch. */
  d3r: number;
  /** Channels of both 3x3 convolutions in the double 3x3 branch. */
  d3: number;
}

const inceptionBOptions = new Options<InceptionBOptions>(
  'inceptionB()',
  {
    ...styleFields,
    ...{ name: text, inputs: integer(1) },
    ...{ c3r: integer(1), c3: integer(1), d3r: integer(1), d3: integer(1) },
  },
  { named: true },
);

/**
 * Inception block B, which halves the image: three branches (1x1, 3x3; 1x1, 3x3, 3x3; 3x3 max pool), the last op of each with
 * stride 2, with concatenated outputs. [N, H, W, inputs] -> [N, ceil(H / 2), ceil(W / 2), c3 + d3 + inputs]. Along an even side the
 * windows of the pool begin at the edge of the image; along an odd one, a pixel before it, as those of the convolutions.
 * @throws ERR_INVALID_ARGUMENT
 */
export function inceptionB(options: InceptionBOptions): Layer {
  const { name, inputs, c3r, c3, d3r, d3, ...style } = inceptionBOptions.check(options);
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
      halvingPool(`${name}/pool`),
    ],
    { name },
  );
}
