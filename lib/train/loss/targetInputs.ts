/** The targets of a step of training or evaluation, as its inputs. */
import type { RunInputs } from '../../compile/compile';
import type { Batches } from '../../data/loader';
import { type RowValues, targetsOf } from '../../data/targets';
import type { ResolvedLoss } from './loss';

/** Returns what a loss reads beside the labels: targets, f32 [steps * batch, outputs]; no inputs if it reads none. */
export const targetInputs = (
  { width }: Pick<ResolvedLoss, 'width'>,
  { targets }: Pick<RowValues, 'targets'>,
  { indices }: Batches,
): RunInputs => (width === null || !targets ? {} : { targets: targetsOf(targets, indices) });
