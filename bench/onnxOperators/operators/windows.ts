/** Where the windows of convolutions and poolings lie: ONNX's attributes as options of saturnn's ops. */
import type { Call } from '../call';

/** Sizes in two directions. */
export type Pair = readonly [height: number, width: number];

/** The places of windows; of an image without height, the first direction is of size 1. */
export interface Windows {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: readonly [top: number, bottom: number, left: number, right: number];
}

/** Returns numbers of one or two directions as a pair. */
export const pairOf = (numbers: readonly number[], vertical: number): Pair =>
  numbers.length === 1 ? [vertical, numbers[0]!] : [numbers[0]!, numbers[1]!];

/** Returns the pixels from the first of a window to its last, with both. */
export const extentOf = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/** Returns the padding before and behind that makes the output's size ceil(size / stride): ONNX's SAME_UPPER and SAME_LOWER. */
function samePadding(size: number, extent: number, stride: number, isUpper: boolean): Pair {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  const smaller = Math.floor(total / 2);
  return isUpper ? [smaller, total - smaller] : [total - smaller, smaller];
}

/**
 * Returns where the windows of a node lie.
 * @param sizes height and width of the image [N, H, W, C]
 * @param kernel sizes of the windows, in as many directions as the image has
 */
export function windowsOf(call: Call, sizes: Pair, kernel: readonly number[]): Windows {
  const stride = pairOf(call.numbers('strides') ?? kernel.map(() => 1), 1);
  const dilation = pairOf(call.numbers('dilations') ?? kernel.map(() => 1), 1);
  const window = pairOf(kernel, 1);
  return { kernel: window, stride, dilation, padding: paddingOf(call, sizes, { kernel: window, stride, dilation }) };
}

function paddingOf(call: Call, sizes: Pair, { kernel, stride, dilation }: Omit<Windows, 'padding'>) {
  const automatic = call.text('auto_pad', 'NOTSET');
  if (automatic.startsWith('SAME')) {
    const [rows, columns] = [0, 1].map((axis) => {
      const extent = extentOf(kernel[axis]!, dilation[axis]!);
      return samePadding(sizes[axis]!, extent, stride[axis]!, automatic === 'SAME_UPPER');
    }) as [Pair, Pair];
    return [...rows, ...columns] as const;
  }
  const pads = call.numbers('pads');
  if (automatic === 'VALID' || !pads) return [0, 0, 0, 0] as const;
  // ONNX lists what is before in every direction, then what is behind.
  if (pads.length === 2) return [0, 0, pads[0]!, pads[1]!] as const;
  return [pads[0]!, pads[2]!, pads[1]!, pads[3]!] as const;
}
