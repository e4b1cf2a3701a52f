/**
 * How a picture of another aspect ratio is brought to the size. "crop": it is scaled until it covers the size, and what is over at
 * both sides is cut off. "pad": it is scaled until it fits into the size, and the background fills the rest. "stretch": height and
 * width are scaled independently.
 */
export type PictureFit = 'crop' | 'pad' | 'stretch';
/** All fits; the first one is the default. */
export const pictureFits: readonly [PictureFit, ...PictureFit[]] = ['crop', 'pad', 'stretch'];

/** How the pictures of a data set were brought to its shape. */
export interface PictureDecoding {
  readonly fit: PictureFit;
  /** The colour behind transparent pixels, and beside a picture with fit "pad": 0 to 255 each. */
  readonly background: readonly [red: number, green: number, blue: number];
}
