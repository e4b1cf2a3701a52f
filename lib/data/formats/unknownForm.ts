import { readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { SaturnnError, show } from '../../errors';

/** The forms of data that are told apart by the names of files, for the message that none of them was found. */
const forms = [
  'class folders of pictures (cat/1.jpg, dog/2.png)',
  'Parquet files (train-00000-of-00001.parquet)',
  'tar shards (000000.tar)',
  'IDX files (train-images-idx3-ubyte and train-labels-idx1-ubyte, or .gz)',
  'NumPy arrays (x_train.npy and y_train.npy, or a .npz)',
  "CIFAR's binary files (train.bin and test.bin, or data_batch_1.bin to data_batch_5.bin and test_batch.bin, or a .tar.gz with them)",
];

/** Most names of a folder in the message. */
const mostNames = 8;

/** Returns the error for a path at which there is no form of data that is known. It names the forms, and what was found. */
export function unknownForm(path: string): SaturnnError {
  return new SaturnnError(
    'ERR_DATA',
    `Expected data at ${path} in one of these forms: ${forms.join('; ')}. Found ${foundAt(path)}`,
  );
}

function foundAt(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return 'nothing';
  if (!stats.isDirectory()) return `the file ${show(basename(path))}`;
  const names = readdirSync(path).sort();
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
  return names.length === 0
    ? 'an empty folder'
    : names
        .slice(0, mostNames)
        .map((name) => show(name))
        .join(', ') + more;
}
