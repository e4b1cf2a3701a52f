import { optional, pathField, text } from '../../options/field';
import { checkArgument, Options } from '../../options/options';
import { type ImageFolder, openPictureSet, type PictureSetOptions, pictureSetFields } from '../pictures/openSet';
import { ShardSet } from './shardSet';

/** Options of webDataset(). */
export interface WebDatasetOptions extends PictureSetOptions {
  /** Member of the .json files that holds the label. Default: `label`, `cls` or `class`. */
  label?: string;
}

const webDatasetOptions = new Options<WebDatasetOptions>('webDataset()', {
  ...pictureSetFields,
  label: optional(text),
});

/**
 * Opens shards of a WebDataset: tar archives (.tar, .tar.gz, .tgz) in which files of one name make a sample, the picture `000123.jpg`
 * and its label `000123.cls` (or `.json`, `.txt`). Labels are integers from 0, whose class names a file `classnames.txt` in the folder
 * may give, one per line; or texts, whose classes are the different texts, sorted. Shards with train, validation (val, valid, dev) or
 * test in the name of file or folder belong to this split; without such names, a part of each class becomes the test set. The order is
 * that of the shards' names, and of the files in them.
 *
 * Every picture is decoded once, with sharp, to images of one size in a cache, as imageFolder() does. Opening looks at the names and
 * labels in the shards and passes over the pictures.
 * @param path a shard, a folder of shards, or a range: `shard-{000000..000009}.tar`
 * @throws ERR_DATA if there are no shards, a shard is cut off (with the byte), a picture has no label, a label is out of range, or a
 * picture is broken (with onBroken "fail"); ERR_PACKAGE without sharp; ERR_OUTPUT if the cache cannot be written; ERR_OUT_OF_MEMORY;
 * ERR_INVALID_ARGUMENT; the signal's reason
 */
export async function webDataset(path: string, options: WebDatasetOptions = {}): Promise<ImageFolder> {
  checkArgument('path', pathField, path);
  const { label, ...pictures } = webDatasetOptions.check(options);
  return openPictureSet(await ShardSet.open(path, label, pictures.signal), pictures);
}
