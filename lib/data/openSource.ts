/** Opens a data set by its name or path, for commands and experiments. */
import { SaturnnError } from '../errors';
import { flag, oneOf, optional, text } from '../options/field';
import type { Fields } from '../options/options';
import { cifar } from './cifar';
import { CifarFile } from './cifarFile';
import { cifarFiles, holdsCifar, isFolder } from './cifarFiles';
import { Dataset } from './dataset';
import { type ArrayLayout, arrayLayouts } from './formats/array';
import type { ArraySplits } from './formats/arraySplits';
import { openArrays } from './formats/openArrays';
import { type PictureOpener, pictureOpener } from './formats/pictureOpener';
import { unknownForm } from './formats/unknownForm';
import { generated, generatedCounts } from './generated';
import { defaultDataFolder, installedFolder } from './get';
import { type PixelRange, pixelRanges } from './givenPixels';
import { type ImageFolder, openPictureSet, type PictureSetOptions } from './pictures/openSet';
import { type LabelKind, type LayoutName, labelKinds } from './records';
import { type DataMode, evenlyOf, firstClassesOf, firstOf, type ImageSource } from './source';
import { checkTestPart, type TestPart, testPartDefaults, testPartFields, tooFewForTest } from './testPart';
import { splitValidation, type Validation } from './validation';

/** The data set that is made anew in every process, the same each time. */
const generatedName = 'generated';

/** The names of data sets that `data` may be, beside paths; the first is the command's default. */
export const dataSetNames: readonly [string, ...string[]] = [generatedName, ...Object.keys(cifarFiles)];

/** Options of openSource(). */
export interface SourceOptions extends TestPart {
  /**
   * One of dataSetNames, or a path: class folders of pictures, Parquet files or tar shards (a folder, one of them, or a range of shards),
   * IDX or npy files (a folder or one of them), a .npz, or CIFAR's binary layout (a folder or .tar.gz).
   */
  data: string;
  /** Folder of cifar10 or cifar100. Default: the one that `saturnn data get` fills. */
  dataDir?: string;
  /** Kind of labels, "fine" (default) or "coarse" (CIFAR-100 only). */
  labels?: LabelKind;
  /** Column of Parquet files, or member of the .json files of tar shards, that holds the labels. Default: as parquet() and webDataset(). */
  labelColumn?: string;
  /** Range of pixels that are floats, in npy files. Required for these. */
  pixelRange?: PixelRange;
  /** Order of the dimensions of images with channels, in npy files. Default "NHWC". */
  pixelLayout?: ArrayLayout;
  /** False: accept files that are not the official ones. Default: true for names and archives, false for other folders. */
  verify?: boolean;
  /** Use the images of the first `classes` classes only. Default: all. */
  classes?: number;
  /** Use the first `limit` training images only (of these classes). Default: all. */
  limit?: number;
  /** Use the first `testLimit` test images only (of these classes). Default: `limit`. */
  testLimit?: number;
  /**
   * False: open the training images only; data without a test set of their own are then not divided. Default true: such data give a
   * share of their images, `testShare`, to a test set.
   */
  test?: boolean;
  /** Evaluate this part of the training set in place of the test set. Default: none. */
  validation?: Validation;
  /** Called only if `data` holds pictures: returns how they are decoded. Default: as imageFolder() does. */
  pictures?: () => Omit<PictureSetOptions, 'mode' | keyof TestPart>;
}

/** Schema of those SourceOptions that say how files are read. */
export const sourceFields: Fields<
  Pick<SourceOptions, 'labels' | 'labelColumn' | 'pixelRange' | 'pixelLayout' | 'verify' | keyof TestPart>
> = {
  ...testPartFields,
  ...{ labels: optional(oneOf(labelKinds)), labelColumn: optional(text), verify: optional(flag) },
  ...{ pixelRange: optional(oneOf(pixelRanges)), pixelLayout: optional(oneOf(arrayLayouts)) },
};

/** The result of openSource(). */
export interface OpenedSource {
  readonly train: ImageSource;
  /** The test set, or the part for validation; null if it was not asked for. */
  readonly test: ImageSource | null;
  /** The folder of pictures, with its broken files and its split; absent for other data. */
  readonly pictures?: ImageFolder;
  /** How the test set of arrays was chosen, if they have none of their own. */
  readonly split?: { readonly share: number; readonly seed: number };
  /** Closes the files that are open, if any. */
  close(): Promise<void>;
}

/** The result of openSource() with a test set. */
export type OpenedSets = OpenedSource & { readonly test: ImageSource };

/**
 * Opens the training and test images of a data set. In mode 'streaming', unpacked files stay on disk; in every other case the
 * data are read into memory.
 * @throws ERR_DATA if files are missing or malformed; ERR_INVALID_ARGUMENT
 */
export async function openSource(options: SourceOptions & { test?: true }, mode?: DataMode): Promise<OpenedSets>;
export async function openSource(options: SourceOptions, mode?: DataMode): Promise<OpenedSource>;
export async function openSource(options: SourceOptions, mode: DataMode = 'resident'): Promise<OpenedSource> {
  const { validation, test = true } = options;
  const opened = await openSets({ ...options, test: test && !validation }, mode);
  if (!validation) return test ? opened : { ...opened, test: null };
  try {
    const parts = splitValidation(opened.train, validation);
    return { ...opened, train: parts.train, test: parts.validation };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Opens the sets that the data have. `test` is null for data that have none of their own, if it is not asked for. */
async function openSets(options: SourceOptions, mode: DataMode): Promise<OpenedSource> {
  const { data, dataDir, labels, verify, classes } = options;
  const { limit: most = Number.MAX_SAFE_INTEGER, testLimit: mostTest = most } = options;
  const wantsTest = options.test !== false;
  if (data === generatedName) {
    checkTestPart(data, options, wantsTest);
    const { train, test } = generatedCounts;
    const counts = { train: Math.min(train, most), test: Math.min(test, mostTest) };
    return { ...generated({ ...counts, classes }), close: async () => {} };
  }
  const part = (source: ImageSource, count: number): ImageSource => {
    const chosen = classes === undefined ? source : firstClassesOf(source, classes);
    return chosen instanceof Dataset ? chosen.take(count) : firstOf(chosen, count);
  };
  const named = Object.hasOwn(cifarFiles, data);
  const opener = named ? null : await pictureOpener(data, { labels, labelColumn: options.labelColumn });
  if (opener) return openPictures(opener, options, mode);
  const arrays = named ? null : await openArrays(data, { range: options.pixelRange, layout: options.pixelLayout });
  if (arrays) {
    const { train, test, split } = withTest(arrays, options);
    return { train: part(train, most), test: test && part(test, mostTest), split, close: async () => {} };
  }
  if (!named && !mayBeCifar(data)) throw unknownForm(data);
  checkTestPart(data, options, wantsTest);
  const path = named ? (dataDir ?? installed(data as LayoutName)) : data;
  const names = named ? [data as LayoutName] : undefined;
  const chosen = { labels, verify: verify === false ? false : named ? true : undefined };
  // A packed file is read into memory; cifar() says what is wrong with another one.
  if (mode === 'streaming' && isFolder(path)) {
    const { train, test } = await CifarFile.open(path, chosen, names);
    const close = async () => {
      await Promise.all([train.close(), test.close()]);
    };
    return { train: part(train, most), test: part(test, mostTest), close };
  }
  const { train, test } = await cifar(path, chosen, names);
  return { train: part(train, most), test: part(test, mostTest), close: async () => {} };
}

/** Returns the sets of arrays: if a test set is wanted and there is none, a part of each class becomes one. */
function withTest(
  { train, test }: ArraySplits,
  { data, test: isWanted = true, testShare, testSeed }: SourceOptions,
): ArraySplits & Pick<OpenedSource, 'split'> {
  if (!isWanted) return { train, test };
  checkTestPart(data, { testShare, testSeed }, test !== null);
  if (test) return { train, test };
  if (new Set(train.labels).size === train.count) throw tooFewForTest(data, 'images');
  const split = { share: testShare ?? testPartDefaults.testShare, seed: testSeed ?? testPartDefaults.testSeed };
  return { ...train.split(split.share, { seed: split.seed }), split };
}

/** Opens pictures. They may lie in the order of their classes, so --limit takes as many of each class. */
async function openPictures(open: PictureOpener, options: SourceOptions, mode: DataMode): Promise<OpenedSource> {
  const { data, classes, limit, testLimit = limit, testShare, testSeed } = options;
  const chosen = options.pictures?.() ?? {};
  const set = await open(chosen.signal);
  const wantsTest = options.test !== false;
  if (wantsTest) checkTestPart(data, options, set.splits.length > 1);
  const share = { testShare: wantsTest ? testShare : 0, testSeed };
  const pictures = await openPictureSet(set, { ...chosen, ...share, mode });
  const part = (source: ImageSource, count: number | undefined): ImageSource => {
    const ofClasses = classes === undefined ? source : firstClassesOf(source, classes);
    return count === undefined ? ofClasses : evenlyOf(ofClasses, count);
  };
  try {
    if (!pictures.test && wantsTest) throw tooFewForTest(data, 'pictures');
    const [train, test] = [part(pictures.train, limit), pictures.test && part(pictures.test, testLimit)];
    return { train, test, pictures, close: () => pictures.close() };
  } catch (error) {
    await pictures.close();
    throw error;
  }
}

/** Whether a path is a folder with binary files of CIFAR, or a packed file, whose content says whether it is CIFAR's archive. */
const mayBeCifar = (path: string): boolean => /gz$/i.test(path) || holdsCifar(path);

/** Returns the folder that `saturnn data get` has filled. @throws ERR_DATA if the data set is not complete there */
function installed(name: LayoutName): string {
  const found = installedFolder(name);
  if (found) return found;
  const { title } = cifarFiles[name];
  const message = `${title} is not complete in ${defaultDataFolder()}: \`saturnn data get ${name}\` downloads it`;
  throw new SaturnnError('ERR_DATA', message);
}
