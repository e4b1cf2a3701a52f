/** In what numbers a plan computes, and what is different from one precision to another: one row per precision. */
import type { DType } from './native';

/**
 * f32: strictly that, everywhere. tf32: convolutions round what they multiply to 10 bits. bf16, fp16: how images are stored,
 * and what convolutions multiply; parameters, their gradients and all sums stay f32.
 */
export type Precision = 'f32' | 'tf32' | 'bf16' | 'fp16';

export interface PrecisionRow {
  /** How images are stored within a plan. */
  readonly images: DType;
  /** Whether convolutions of f32 may round what they multiply, as tensor cores do. */
  readonly roundsProducts: boolean;
  /** Whether gradients vanish and overflow, so that training scales its loss. */
  readonly scalesLoss: boolean;
}

export const precisionTable: Readonly<Record<Precision, PrecisionRow>> = {
  f32: { images: 'f32', roundsProducts: false, scalesLoss: false },
  tf32: { images: 'f32', roundsProducts: true, scalesLoss: false },
  bf16: { images: 'bf16', roundsProducts: false, scalesLoss: false },
  fp16: { images: 'f16', roundsProducts: false, scalesLoss: true },
};

export const precisions = Object.keys(precisionTable) as readonly Precision[];

/** Whether images are stored in two bytes. */
export const storesHalves = (precision: Precision): boolean => precisionTable[precision].images !== 'f32';
