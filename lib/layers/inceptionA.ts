import { integer, oneOf, text } from '../options/field';
import { Options } from '../options/options';
import { Concatenate } from './concatenate';
import { Conv2d, type ConvolutionStyle, styleFields } from './conv2d';
import type { Layer } from './layer';
import { AveragePool, MaxPool } from './pooling';
import { Sequential } from './sequential';

/** Options of inceptionA(). Those of ConvolutionStyle apply to all of its convolutions. */
export interface InceptionAOptions extends ConvolutionStyle {
  /** Name of the block, and prefix of the names of its layers. */
  name: string;
  /** Channels of x. */
  inputs: number;
  /** Channels of the 1x1 branch. */
  c1: number;
  /** Channels of the 1x1 reduction in the 3x3 branch. */
  c3r: number;
  /** Channels of the 3x3 convolution in the 3x3 branch. */
  c3: number;
  /** Channels of the 1x1 reduction in the double 3x3 branch. */
  d3r: number;
  /** Channels of both 3x3 convolutions in the double 3x3 branch. */
  d3: number;
  /** Kind of the 3x3 pool (stride 1) in the pool branch. */
  pool: 'average' | 'max';
  /** Channels of the 1x1 projection after the pool. */
  projection: number;
}

const inceptionAOptions = new Options<InceptionAOptions>(
  'inceptionA()',
  {
    ...styleFields,
    ...{ name: text, inputs: integer(1) },
    ...{ c1: integer(1), c3r: integer(1), c3: integer(1), d3r: integer(1), d3: integer(1), projection: integer(1) },
    pool: oneOf(['average', 'max'], '"average" or "max"'),
  },
  { named: true },
);

/**
 * Inception block A, which keeps the image size: four branches (1x1; 1x1, 3x3; 1x1, 3x3, 3x3; pool, 1x1) with concatenated
 * outputs. [N, H, W, inputs] -> [N, H, W, c1 + c3 + d3 + projection]
 * @throws ERR_INVALID_ARGUMENT
 */
export function inceptionA(options: InceptionAOptions): Layer {
  const { name, inputs, c1, c3r, c3, d3r, d3, pool, projection, ...style } = inceptionAOptions.check(options);
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
