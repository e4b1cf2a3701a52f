/** onnxruntime-node, an optional peer dependency, loaded when a file is checked. */
import { reasonOf, SaturnnError } from '../errors';

/** Numbers with their shape, as onnxruntime takes and returns them. */
export interface RuntimeTensor {
  readonly data: ArrayBufferView;
  readonly dims: readonly number[];
}

/** A loaded file. */
export interface RuntimeSession {
  run(inputs: Readonly<Record<string, RuntimeTensor>>): Promise<Readonly<Record<string, RuntimeTensor>>>;
  release(): Promise<void>;
}

/** The part of onnxruntime-node that is used here. */
export interface OnnxRuntime {
  readonly InferenceSession: { create(file: Uint8Array, options: object): Promise<RuntimeSession> };
  readonly Tensor: new (type: string, data: ArrayBufferView, dims: readonly number[]) => RuntimeTensor;
  readonly env: { readonly versions: { readonly common: string; readonly node?: string } };
}

const command = '`npm install onnxruntime-node`';

/**
 * Loads onnxruntime-node.
 * @param required whether it is an error if the package is missing; else the result is null then
 * @throws ERR_PACKAGE if it is missing and required, or does not load
 */
export function loadOnnxRuntime(required: boolean): OnnxRuntime | null {
  try {
    // A literal name, in a `try`: so bundlers see which package is needed, and go on where it is not installed.
    return require('onnxruntime-node') as OnnxRuntime;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    if (missing && !required) return null;
    const reason = missing
      ? `which is not installed. Remedy: ${command} where the program runs`
      : `which does not load (${reasonOf(error).trim().split('\n')[0]?.replace(/\.$/, '')}). Remedy: ${command}, or export without the check`;
    throw new SaturnnError('ERR_PACKAGE', `ONNX files are checked by the package onnxruntime-node, ${reason}.`, {
      cause: error,
    });
  }
}
