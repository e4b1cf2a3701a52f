import { optional, pathField, text } from '../../options/field';
import { checkArgument, Options } from '../../options/options';
import { type ImageFolder, openPictureSet, type PictureSetOptions, pictureSetFields } from '../pictures/openSet';
import { ParquetSet } from './parquet/set';

/** Options of parquet(). */
export interface ParquetOptions extends PictureSetOptions {
  /**
   * Column of the pictures: encoded bytes, or a struct with the field `bytes`. Default: the one that Hugging Face's metadata declare as
   * Image; otherwise `image`, `img` or another usual name.
   */
  image?: string;
  /**
   * Column of the labels: integers from 0, or texts. Default: the one that Hugging Face's metadata declare as ClassLabel (of several:
   * `label`, then `fine_label`); otherwise `label` or another usual name.
   */
  label?: string;
}

const parquetOptions = new Options<ParquetOptions>('parquet()', {
  ...pictureSetFields,
  image: optional(text),
  label: optional(text),
});

/**
 * Opens Parquet files of encoded pictures and labels, as image data sets of Hugging Face are: a file, or a folder with files such as
 * `data/train-00000-of-00002.parquet` and `data/test-00000-of-00001.parquet`. Names that hold train, validation (val, valid, dev) or
 * test say the split; without them, a part of each class becomes the test set. Class names come from the metadata (ClassLabel), or from
 * labels that are texts, sorted. The order is that of the files' names, and of the rows.
 *
 * Every picture is decoded once, with sharp, to images of one size in a cache, as imageFolder() does. One group of rows is in memory at
 * a time. The packages hyparquet and hyparquet-compressors must be installed.
 * @param path a file or a folder
 * @throws ERR_DATA if there are no files, a file is damaged or lacks a column (the message lists those that there are), a label is out of
 * range, or a picture is broken (with onBroken "fail"); ERR_PACKAGE without the packages; ERR_OUTPUT if the cache cannot be written;
 * ERR_OUT_OF_MEMORY; ERR_INVALID_ARGUMENT; the signal's reason
 */
export async function parquet(path: string, options: ParquetOptions = {}): Promise<ImageFolder> {
  checkArgument('path', pathField, path);
  const { image, label, ...pictures } = parquetOptions.check(options);
  return openPictureSet(await ParquetSet.open(path, { image, label }, pictures.signal), pictures);
}
