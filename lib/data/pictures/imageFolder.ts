import { pathField } from '../../options/field';
import { checkArgument, Options } from '../../options/options';
import { FolderSet } from './folderSet';
import { type ImageFolder, openPictureSet, type PictureSetOptions, pictureSetFields } from './openSet';

/** Options of imageFolder(). */
export interface ImageFolderOptions extends PictureSetOptions {}

const imageFolderOptions = new Options<ImageFolderOptions>('imageFolder()', pictureSetFields);

/**
 * Opens a folder of pictures (JPEG, PNG, WebP, TIFF, GIF, AVIF) that are sorted into one folder for each class: photos/cat/1.jpg. The
 * folder may be divided into train/ and test/ (or val/, valid/, validation/), with class folders in each; if it is not, a part of each
 * class becomes the test set, the same in every run.
 *
 * Every picture is decoded once, with sharp, to images of one size in a cache. Later calls decode only what is new or has changed, by
 * size, time and hash of the files; a call that was killed goes on where it stopped. Class folders hold pictures only. Left out without
 * a word: names that begin with a dot, Thumbs.db and others that systems leave; other files that are no pictures are listed in the
 * result. Links are followed.
 * @param path the folder
 * @throws ERR_DATA if there are no class folders or only one, a class is empty, class names differ only by case, folders are nested, a
 * folder cannot be read, or a picture is broken (with onBroken "fail"); ERR_PACKAGE without sharp; ERR_OUTPUT if the cache cannot be
 * written; ERR_OUT_OF_MEMORY; ERR_INVALID_ARGUMENT; the signal's reason
 */
export async function imageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  checkArgument('path', pathField, path);
  const checked = imageFolderOptions.check(options);
  return openPictureSet(await FolderSet.open(path, checked.signal), checked);
}
