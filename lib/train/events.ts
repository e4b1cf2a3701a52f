/** What Trainer.fit() yields, and what metrics.jsonl holds, one object per line. */

/** After each native call, which runs about a second's worth of steps. */
export interface StepEvent {
  readonly event: 'step';
  /** Steps done since the beginning of training. */
  readonly step: number;
  /** 1 for the first. */
  readonly epoch: number;
  /** Means over the steps of the call. */
  readonly loss: number;
  readonly accuracy: number;
  /** Of the call's last step. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly imagesPerSecond: number;
}

/** After each epoch, and at the end of a fit() that stops within one. Accuracies are fractions. */
export interface EpochEvent {
  readonly event: 'epoch';
  readonly epoch: number;
  /** Means over the epoch's augmented images, each as the network was when it saw it. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  /** Over the whole test set, centre crops, after the epoch. */
  readonly testLoss: number;
  readonly testAccuracy: number;
  /** Of training; evaluation is not counted. */
  readonly imagesPerSecond: number;
}

export interface EndEvent {
  readonly event: 'end';
  readonly steps: number;
  readonly epochs: number;
  /** From the first step to the end, evaluation included. */
  readonly seconds: number;
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
  readonly imagesPerSecond: number;
}

export type TrainEvent = StepEvent | EpochEvent | EndEvent;
