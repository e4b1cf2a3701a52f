import { Options } from '../options/options';
import { type AdamOptions, AdamRule, adamDefaults, adamFields } from './adam';

const adamWOptions = new Options('AdamW', adamFields);

/** The defaults of AdamW. */
export const adamWDefaults = { ...adamDefaults, weightDecay: 0.01 } as const;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101): each step also subtracts lr weightDecay w from the
 * weights w, instead of adding weightDecay w to the gradient. Default weight decay 0.01.
 */
export class AdamW extends AdamRule {
  /** Makes the optimizer. @throws ERR_INVALID_ARGUMENT for an option that is out of range */
  constructor(options: AdamOptions = {}) {
    super(adamWOptions.check(options), adamWDefaults.weightDecay, true);
  }
}
