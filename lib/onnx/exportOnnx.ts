/** Writes a network as an ONNX file. */
import { SaturnnError } from '../errors';
import { writeAtomically } from '../files/durable';
import { readSafetensors } from '../files/safetensors';
import { flag, oneOf, optional, pathField } from '../options/field';
import { checkArgument, Options } from '../options/options';
import { modelOf } from '../train/modelFile/loadModel';
import type { OnnxDType } from './builder';
import { checkFile, type OnnxCheck } from './check';
import { encodeModel } from './encode';
import type { ModelProto } from './messages';
import { onnxModelOf, opset } from './model';
import { loadOnnxRuntime } from './onnxruntime';

/** Options of exportOnnx(). */
export interface ExportOnnxOptions {
  /**
   * Whether the file takes normalised images, f32 [N, channels, height, width]. Default false: it takes pictures as bytes, [N, height,
   * width, channels], crops them at the centre to what the network reads, and normalises them.
   */
  floatInput?: boolean;
  /** Type in which the file holds its weights and computes. Input and outputs stay the same. Default "f32". */
  dtype?: OnnxDType;
  /**
   * Whether onnxruntime-node computes a few images with the file, whose logits are compared with saturnn's before anything is written.
   * Default: if that package is installed. With true, it must be.
   */
  check?: boolean;
}

/** The types of a file. */
export const onnxDTypes: readonly OnnxDType[] = ['f32', 'f16'];

/** The defaults of ExportOnnxOptions. */
export const exportOnnxDefaults = { floatInput: false, dtype: 'f32' } as const satisfies ExportOnnxOptions;

const exportOptions = new Options<ExportOnnxOptions>('exportOnnx()', {
  floatInput: optional(flag),
  dtype: optional(oneOf(onnxDTypes, '"f32" or "f16"')),
  check: optional(flag),
});

/** What exportOnnx() says of the file that it has written. */
export interface OnnxReport {
  /** Size of the file. */
  readonly bytes: number;
  /** Version of ONNX's operators that the file uses. */
  readonly opset: number;
  /** Number of its nodes. */
  readonly nodes: number;
  /** Its input: name, type and shape of the elements, where "N" is the number of images. */
  readonly input: { readonly name: string; readonly dtype: 'u8' | 'f32'; readonly shape: readonly ('N' | number)[] };
  /** The comparison with saturnn; null: onnxruntime-node is not installed, or `check` is false. */
  readonly check: OnnxCheck | null;
}

/** Largest message of Protocol Buffers, and so largest file. */
const largestFile = 2 ** 31 - 1;

/**
 * Writes the network of a model file as an ONNX file, which programs of other languages and browsers can run. Its input is `images`; its
 * outputs are `logits` and `probabilities`, f32 [N, classes]. N may be any number. The file has the metadata of the model file but for the
 * graph: names of the classes, model card, normalisation.
 * @param from path of a model file, which `saturnn train` and Trainer.saveWeights() write
 * @param out path of the file to write
 * @param options kind of the input, type of the numbers, and whether the file is checked
 * @returns size and input of the file, and the largest difference to saturnn's logits, if that was checked
 * @throws ERR_DATA if the model file cannot be read or what it says does not fit together; ERR_EXPORT if ONNX cannot express the network, or the file computes other logits
 * (by more than 1e-4 in f32, or 0.01 in f16): then nothing is written. ERR_PACKAGE if onnxruntime-node is missing and `check` is true;
 * ERR_OUTPUT if the file cannot be written; ERR_INVALID_ARGUMENT
 */
export async function exportOnnx(from: string, out: string, options: ExportOnnxOptions = {}): Promise<OnnxReport> {
  checkArgument('from', pathField, from);
  checkArgument('out', pathField, out);
  const { check, ...given } = exportOptions.check(options);
  const { floatInput, dtype } = { ...exportOnnxDefaults, ...given };
  // Before the work, so that a missing package is known at once.
  const runtime = check === false ? null : loadOnnxRuntime(check === true);
  const file = readSafetensors(from);
  const loaded = modelOf(file, from);
  const { graph: _, graphMissing: __, ...metadata } = file.metadata;
  const { model, input } = onnxModelOf(loaded, metadata, { floatInput, dtype });
  const bytes = bytesOf(model);
  const checked = runtime && (await checkFile(runtime, { bytes, input, dtype, path: from, loaded }));
  writeAtomically(out, [bytes]);
  const { name } = model.graph.input[0]!;
  return {
    bytes: bytes.length,
    opset,
    nodes: model.graph.node.length,
    input: { name, dtype: input.dtype, shape: ['N', ...input.shape] },
    check: checked,
  };
}

/** Returns the bytes of a file. @throws ERR_EXPORT if there would be more than a file can have */
function bytesOf(model: ModelProto): Uint8Array {
  const constants = model.graph.initializer.reduce((sum, { rawData }) => sum + rawData.byteLength, 0);
  if (constants <= largestFile) return encodeModel(model);
  throw new SaturnnError('ERR_EXPORT', `its weights have ${constants} bytes, and an ONNX file has at most 2 GiB`);
}
