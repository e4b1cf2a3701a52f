import { writeSafetensors } from '../../files/safetensors';
import { openSafetensors } from '../../files/tensorFile';
import { orNull, pathField } from '../../options/field';
import { checkArgument } from '../../options/options';
import { requireComplete, type WeightsReport } from '../../weights/report';
import { fromPyTorch } from './fromPyTorch';
import { type ConvertWeightsOptions, convertOptions } from './options';
import { toPyTorch } from './toPyTorch';

/**
 * Converts a file of weights from PyTorch's names and layout to saturnn's, or back. PyTorch's files are read in F64, F32, F16 and BF16,
 * also as an index of several files or as a folder. Convolutions are reordered, [outputs, inputs, height, width] to
 * [outputs, height, width, inputs]; batch normalisations are renamed; num_batches_tracked is left out. Nothing is written unless every
 * weight is found with its shape, or `partial` is set.
 * @param from path of the file to read
 * @param out path of the file to write; null: only the report is made, whatever it says
 * @param options the kind of file to write, the network, a map of names, and the dtype
 * @returns what fitted, what did not, and what was left out
 * @throws ERR_DATA if a file cannot be read or a weight is missing or has another shape: the message names it and the nearest tensor.
 * ERR_INVALID_ARGUMENT; ERR_OUTPUT if the file cannot be written
 */
export function convertWeights(from: string, out: string | null, options: ConvertWeightsOptions): WeightsReport {
  checkArgument('from', pathField, from);
  checkArgument('out', orNull(pathField), out);
  const checked = convertOptions.check(options);
  const file = openSafetensors(from);
  const conversion = checked.to === 'saturnn' ? fromPyTorch(file, checked) : toPyTorch(file, checked);
  if (out === null) return conversion.report;
  if (!checked.partial) requireComplete(conversion.report, from);
  writeSafetensors(out, conversion.make());
  return conversion.report;
}
