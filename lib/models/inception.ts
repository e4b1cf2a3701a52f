/** The trunk that all three models share: ten inception blocks, of which two halve the image. */
import { inceptionA } from '../layers/inceptionA';
import { inceptionB } from '../layers/inceptionB';
import type { Layer } from '../layers/layer';
import { type resolveOptions, scaleChannels } from './model';

type RowA = readonly [string, number, number, number, number, number, 'average' | 'max', number];
type RowB = readonly [string, number, number, number, number];

/**
 * The blocks with their channels at width 1 (see InceptionAOptions and InceptionBOptions).
 * Block A: name, c1, c3r, c3, d3r, d3, pool, projection. Block B: name, c3r, c3, d3r, d3.
 */
const rows: readonly (RowA | RowB)[] = [
  ['3a', 64, 64, 64, 64, 96, 'average', 32],
  ['3b', 64, 64, 96, 64, 96, 'average', 64],
  ['3c', 128, 160, 64, 96],
  ['4a', 224, 64, 96, 96, 128, 'average', 128],
  ['4b', 192, 96, 128, 96, 128, 'average', 128],
  ['4c', 160, 128, 160, 128, 160, 'average', 128],
  ['4d', 96, 128, 192, 160, 192, 'average', 128],
  ['4e', 128, 192, 192, 256],
  ['5a', 352, 192, 320, 160, 224, 'average', 128],
  ['5b', 352, 192, 320, 192, 224, 'max', 128],
];

/** Returns the ten blocks for an image of `inputs` channels, and the channels of the last block's output. */
export function inceptionBlocks(
  inputs: number,
  { width, style }: ReturnType<typeof resolveOptions>,
): { blocks: Layer[]; channels: number } {
  const scale = (channels: number) => scaleChannels(channels, width);
  const blocks: Layer[] = [];
  let channels = inputs;
  for (const row of rows) {
    if (row.length === 8) {
      const [name, c1, c3r, c3, d3r, d3, pool, projection] = row;
      const counts = { c1: scale(c1), c3r: scale(c3r), c3: scale(c3), d3r: scale(d3r), d3: scale(d3) };
      const block = { name, inputs: channels, ...counts, pool, projection: scale(projection), ...style };
      blocks.push(inceptionA(block));
      channels = block.c1 + block.c3 + block.d3 + block.projection;
    } else {
      const [name, c3r, c3, d3r, d3] = row;
      const block = { name, c3r: scale(c3r), c3: scale(c3), d3r: scale(d3r), d3: scale(d3), ...style };
      blocks.push(inceptionB({ inputs: channels, ...block }));
      channels += block.c3 + block.d3;
    }
  }
  return { blocks, channels };
}
