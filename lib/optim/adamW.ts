import { type AdamOptions, AdamRule, adamDefaults } from './adam';

/** The defaults of AdamW. */
export const adamWDefaults = { ...adamDefaults, weightDecay: 0.01 } as const;

/** Adam with weight decay apart from the gradient (1711.05101): w also loses lr weightDecay w. Default weight decay 0.01. */
export class AdamW extends AdamRule {
  /** @throws ERR_INVALID_ARGUMENT */
  constructor(options: AdamOptions = {}) {
    super(options, adamWDefaults.weightDecay, true);
  }
}
