/** ONNX's test cases as cases.py writes them: cases.json and numbers.bin. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NotClaimed } from './reasons';

/** A place in numbers.bin; null: a value that is no tensor of numbers (a sequence, texts). */
export type Place = {
  /** numpy's name of the type. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
} | null;

/** A node of a case's network. */
export interface OnnxNode {
  readonly operator: string;
  /** Names of the values that it reads; '' for an optional one that is absent. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes by name: numbers, texts and lists of them, and arrays as { array: Place }; null: anything else. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A case of which cases.json has the names only, because it has an operator that was not asked for. */
export interface NamedCase {
  readonly name: string;
  /** The part of ONNX's tests that has it: node, simple, pytorch-operator or pytorch-converted. */
  readonly kind: string;
  /** Names of its operators, each once. */
  readonly operators: readonly string[];
}

/** A case with its network and its numbers. */
export interface OnnxCase extends NamedCase {
  /** Tolerances of ONNX's own runner: |difference| may be absolute + relative |expected|. */
  readonly relative: number;
  readonly absolute: number;
  /** Version of the operators (opset). */
  readonly version: number;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: Readonly<Record<string, Place>>;
  readonly sets: readonly {
    readonly inputs: Readonly<Record<string, Place>>;
    readonly outputs: Readonly<Record<string, Place>>;
  }[];
}

/** Whether a case came with its network. */
export const isWhole = (named: NamedCase): named is OnnxCase => 'nodes' in named;

/** An array of ONNX's, row-major, of any type. */
export interface OnnxArray {
  /** numpy's name of the type. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** The bytes, little-endian. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The cases of a folder, and the numbers that they refer to. */
export interface Cases {
  /** Version of the package onnx. */
  readonly onnx: string;
  readonly cases: readonly NamedCase[];
  /** Returns the array at a place; null for a value that is no tensor of numbers. */
  read(place: Place): OnnxArray | null;
}

/** Reads what cases.py has written into a folder. */
export function readCases(folder: string): Cases {
  const numbers = readFileSync(join(folder, 'numbers.bin'));
  const listed = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as Pick<Cases, 'onnx' | 'cases'>;
  return {
    ...listed,
    read: (place) =>
      place && {
        dtype: place.dtype,
        shape: place.shape,
        bytes: Uint8Array.from(numbers.subarray(place.offset, place.offset + place.bytes)),
      },
  };
}

/** Float32 values, row-major, in the order of ONNX or of saturnn. A shape of no dimensions is a single number. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Returns an array of f32. @throws NotClaimed for another type, and for an array without elements */
export function floatsOf({ dtype, shape, bytes }: OnnxArray): Values {
  if (dtype !== 'float32') throw new NotClaimed('dtype');
  if (bytes.length === 0) throw new NotClaimed('empty');
  return { shape, data: new Float32Array(bytes.buffer) };
}

/** Returns the integers or truth values of an array, which say how to compute: axes, sizes, labels. @throws NotClaimed for other types */
export function integersOf({ dtype, bytes }: OnnxArray): number[] {
  if (dtype === 'int64') return Array.from(new BigInt64Array(bytes.buffer), Number);
  if (dtype === 'int32') return Array.from(new Int32Array(bytes.buffer));
  if (dtype === 'bool' || dtype === 'uint8') return Array.from(bytes);
  throw new NotClaimed('dtype');
}
