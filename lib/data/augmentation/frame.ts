/** Where the pixels of an augmented image lie in the stored image: crops, mirrors and rotations, composed. */
import type { ImageShape } from '../source';

/** Height and width in pixels. */
export type Size = readonly [height: number, width: number];

/**
 * A view of a stored image. A point (y, x) of the view, in pixels from its upper left corner, lies at row `rows[0] y + rows[1] x +
 * rows[2]` and column `columns[0] y + columns[1] x + columns[2]` of the stored image, in pixels from its corner.
 */
export class Frame {
  height: number;
  width: number;
  #rows: [number, number, number] = [1, 0, 0];
  #columns: [number, number, number] = [0, 1, 0];

  /** The whole of a stored image. */
  constructor([height, width]: Size | ImageShape) {
    this.height = height;
    this.width = width;
  }

  /** Keeps the window of `size` whose upper left corner is at (top, left), which may lie outside. */
  crop(top: number, left: number, size: Size): void {
    this.#compose([1, 0, top], [0, 1, left]);
    [this.height, this.width] = size;
  }

  /** Keeps the window of `window` at (top, left), and resizes it to `size`. */
  resizedCrop(top: number, left: number, window: Size, size: Size): void {
    this.#compose([window[0] / size[0], 0, top], [0, window[1] / size[1], left]);
    [this.height, this.width] = size;
  }

  /** Exchanges left and right. */
  mirror(): void {
    this.#compose([1, 0, 0], [0, -1, this.width]);
  }

  /** Exchanges top and bottom. */
  flip(): void {
    this.#compose([-1, 0, this.height], [0, 1, 0]);
  }

  /** Rotates counterclockwise around the centre. `angle`: in radians. */
  rotate(angle: number): void {
    const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
    const [y, x] = [this.height / 2, this.width / 2];
    this.#compose([cosine, sine, y - cosine * y - sine * x], [-sine, cosine, x + sine * y - cosine * x]);
  }

  /** Writes the row of the table `places` of augment(): in whole numbers at the centres of pixels. */
  write(table: Float32Array, at: number): void {
    [this.#rows, this.#columns].forEach(([perRow, perColumn, first], axis) => {
      // The centre of pixel (0, 0) is at (1/2, 1/2), and what the table says of a pixel is 1/2 less than its centre.
      table.set([perRow, perColumn, first + (perRow + perColumn - 1) / 2], at + 3 * axis);
    });
  }

  /** Makes the view one of this view: its points are first mapped by the given rows. */
  #compose(rows: readonly [number, number, number], columns: readonly [number, number, number]): void {
    const mapped = ([y, x, constant]: readonly [number, number, number]): [number, number, number] => [
      y * rows[0] + x * columns[0],
      y * rows[1] + x * columns[1],
      y * rows[2] + x * columns[2] + constant,
    ];
    [this.#rows, this.#columns] = [mapped(this.#rows), mapped(this.#columns)];
  }
}
