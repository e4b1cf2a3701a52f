/** The precisions in which a plan can compute: one row per precision. */
import type { DType } from './native';

/**
 * The arithmetic of a plan. f32: everything in f32. tf32: convolutions round their factors to 10 bits of mantissa. bf16, fp16:
 * images are stored in two bytes and convolutions multiply such numbers; parameters, their gradients and all sums stay f32.
 */
export type Precision = 'f32' | 'tf32' | 'bf16' | 'fp16';

/** The properties of a precision. */
export interface PrecisionRow {
  /** Type in which images are stored inside a plan. */
  readonly images: DType;
  /** Whether f32 convolutions may round their factors to tf32, as tensor cores do. */
  readonly roundsProducts: boolean;
  /** Whether training scales its loss, because gradients could underflow or overflow. */
  readonly scalesLoss: boolean;
}

/** The row of each precision. */
export const precisionTable: Readonly<Record<Precision, PrecisionRow>> = {
  f32: { images: 'f32', roundsProducts: false, scalesLoss: false },
  tf32: { images: 'f32', roundsProducts: true, scalesLoss: false },
  bf16: { images: 'bf16', roundsProducts: false, scalesLoss: false },
  fp16: { images: 'f16', roundsProducts: false, scalesLoss: true },
};

/** All precisions. */
export const precisions = Object.keys(precisionTable) as readonly Precision[];

/** Returns whether a precision stores images in two bytes per element. */
export const storesHalves = (precision: Precision): boolean => precisionTable[precision].images !== 'f32';
