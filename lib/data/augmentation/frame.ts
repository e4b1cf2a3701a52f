/** Where the pixels of an augmented image lie in the stored image: crops, mirrors and rotations, composed. */
import type { ImageShape } from '../source';

/** Height and width in pixels. */
export type Size = readonly [height: number, width: number];

/**
 * A view of a stored image. A point (y, x) of the view, in pixels from its upper left corner, lies at row rowPerRow y + rowPerColumn x +
 * top and column columnPerRow y + columnPerColumn x + left of the stored image, in pixels from its corner.
 */
export class Frame {
  height: number;
  width: number;
  // Numbers and not arrays of them: a frame is made for each image of an epoch.
  #rowPerRow = 1;
  #rowPerColumn = 0;
  #top = 0;
  #columnPerRow = 0;
  #columnPerColumn = 1;
  #left = 0;

  /** The whole of a stored image. */
  constructor([height, width]: Size | ImageShape) {
    this.height = height;
    this.width = width;
  }

  /** Keeps the window of `size` whose upper left corner is at (top, left), which may lie outside. */
  crop(top: number, left: number, size: Size): void {
    this.#scale(1, top, 1, left);
    [this.height, this.width] = size;
  }

  /** Keeps the window of `window` at (top, left), and resizes it to `size`. */
  resizedCrop(top: number, left: number, window: Size, size: Size): void {
    this.#scale(window[0] / size[0], top, window[1] / size[1], left);
    [this.height, this.width] = size;
  }

  /** Exchanges left and right. */
  mirror(): void {
    this.#scale(1, 0, -1, this.width);
  }

  /** Exchanges top and bottom. */
  flip(): void {
    this.#scale(-1, this.height, 1, 0);
  }

  /** Rotates counterclockwise around the centre. `angle`: in radians. */
  rotate(angle: number): void {
    const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
    const [y, x] = [this.height / 2, this.width / 2];
    this.#move(y - cosine * y - sine * x, x + sine * y - cosine * x);
    const [rowPerRow, columnPerRow] = [this.#rowPerRow, this.#columnPerRow];
    this.#rowPerRow = rowPerRow * cosine - this.#rowPerColumn * sine;
    this.#rowPerColumn = rowPerRow * sine + this.#rowPerColumn * cosine;
    this.#columnPerRow = columnPerRow * cosine - this.#columnPerColumn * sine;
    this.#columnPerColumn = columnPerRow * sine + this.#columnPerColumn * cosine;
  }

  /** Writes the row of the table `places` of augment(): in whole numbers at the centres of pixels. */
  write(table: Float32Array, at: number): void {
    // The centre of pixel (0, 0) is at (1/2, 1/2), and what the table says of a pixel is 1/2 less than its centre.
    table[at] = this.#rowPerRow;
    table[at + 1] = this.#rowPerColumn;
    table[at + 2] = this.#top + (this.#rowPerRow + this.#rowPerColumn - 1) / 2;
    table[at + 3] = this.#columnPerRow;
    table[at + 4] = this.#columnPerColumn;
    table[at + 5] = this.#left + (this.#columnPerRow + this.#columnPerColumn - 1) / 2;
  }

  /** Moves the corner of the view to the point (y, x) of the view. */
  #move(y: number, x: number): void {
    this.#top += y * this.#rowPerRow + x * this.#rowPerColumn;
    this.#left += y * this.#columnPerRow + x * this.#columnPerColumn;
  }

  /** Moves the corner to (top, left), and then multiplies what a step to the next row and to the next column is. */
  #scale(rows: number, top: number, columns: number, left: number): void {
    this.#move(top, left);
    this.#rowPerRow *= rows;
    this.#columnPerColumn *= columns;
    this.#columnPerRow = this.#columnPerRow * rows + 0; // not -0
    this.#rowPerColumn = this.#rowPerColumn * columns + 0;
  }
}
