/** Encoded pictures with labels, before they are decoded: the files of class folders, the rows of Parquet, the entries of tar shards. */

/** A part of a PictureSet. */
export type PictureSplitName = 'train' | 'validation' | 'test';

/** A part of a PictureSet: `count` consecutive pictures. */
export interface PictureSplit {
  readonly name: PictureSplitName;
  /** The number of pictures, at least 1. */
  readonly count: number;
}

/** One picture that was read: its bytes, or the reason why it could not be read. */
export type EncodedPicture =
  | { readonly index: number; readonly bytes: Uint8Array; readonly error?: undefined }
  | { readonly index: number; readonly bytes?: undefined; readonly error: Error };

/**
 * Pictures in a fixed order, with what is known of them before they are decoded. Opening a set reads no pixels, but it finds every
 * picture and every label. decodeSet() decodes a set into a cache of records; it knows nothing of files.
 */
export interface PictureSet {
  /** Names the set in messages, and is a part of the key of its cache: the absolute path of a folder or file. */
  readonly source: string;
  /** The number of pictures in all splits, at least 1. */
  readonly count: number;
  /** The splits, in the order of their pictures: "train" first. Only "train": the set says nothing of a test set. */
  readonly splits: readonly PictureSplit[];
  /** One label per picture, from 0 to classes - 1. */
  readonly labels: Int32Array;
  /** The number of classes. */
  readonly classes: number;
  /** One name per class; null if they are not known. */
  readonly classNames: readonly string[] | null;
  /** Names of the files that are no pictures: they are reported, and otherwise left out. */
  readonly ignored: readonly string[];
  /** Names a picture: unique in the set, short enough for a message ("train/cat/1.jpg", "shard-0.tar: 000017.jpg"). */
  nameOf(index: number): string;
  /**
   * Returns a text that differs if the picture may have changed since it was decoded: size and time of change of its file. The
   * picture is read again then; it is decoded again only if its bytes differ.
   */
  stampOf(index: number): string;
  /**
   * Reads pictures, in the order of `indices`, which ascend. A picture that cannot be read does not end the iteration, but an error
   * of the set itself (a shard that is cut off) does. The bytes may be used until the iteration ends.
   * @throws the signal's reason when it is aborted
   */
  read(indices: Int32Array, signal?: AbortSignal): AsyncIterable<EncodedPicture>;
  /** Closes the files that are open, if any. */
  close(): Promise<void>;
}
