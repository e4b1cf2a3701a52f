/** The evaluation of a training's test set at its end, for the report of the run. */
import type { ImageSource } from '../../data/source';
import { SaturnnError } from '../../errors';
import type { AnyEvaluation } from '../../evaluation/others';
import { type EvaluationParts, evaluationParts, mistakesOf, otherParts } from '../../report/evaluation';
import { savedArenas } from '../../tensor/state';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { TrainerView } from '../trainerView';

/** The part of a run's report about the set that was evaluated. */
export interface FinalEvaluation {
  /** The parts of the page; null if the evaluation has failed. */
  readonly parts: EvaluationParts | null;
  /** Says which weights were evaluated, or why none could be. */
  readonly note: string;
}

/** Evaluates the test set, with the weights of `best` if it is the checkpoint of another step. */
export type EvaluateFinally = (best: Checkpoint | null) => Promise<FinalEvaluation>;

/**
 * Returns a function that evaluates the test set of a training that has ended. The State then holds the weights of the best epoch: it is
 * called after everything else was saved. A failure is no failure of the training: the note says what it was.
 */
export function evaluateFinally(trainer: TrainerView, test: ImageSource): EvaluateFinally {
  return async (best) => {
    const step = best?.info.position.step ?? trainer.step;
    try {
      if (best && step !== trainer.step)
        for (const arena of savedArenas)
          await trainer.state.writeArena(arena, best.arrays.get(arena) ?? new Uint8Array(0));
      const evaluation = await trainer.evaluate<AnyEvaluation>('test');
      const parts =
        'confusion' in evaluation
          ? evaluationParts(evaluation, await mistakesOf(test, evaluation))
          : otherParts(evaluation);
      return { parts, note: `The weights are those after step ${step}${best ? ', of the best epoch' : ''}.` };
    } catch (error) {
      if (!(error instanceof SaturnnError)) throw error;
      return { parts: null, note: `The weights after step ${step} could not be evaluated: ${error.message}.` };
    }
  };
}
