import type { RunInputs } from '../compile/compile';
import { describeNonFinite, firstNonFinite } from '../compile/firstNonFinite';
import { SaturnnError } from '../errors';
import { Landed } from '../runtime/landings';
import type { Runner, RunOfSteps } from './runner';

/** ERR_NON_FINITE of a step. */
export class NonFinite extends SaturnnError {
  constructor(
    message: string,
    /** Whether only the update overflowed. False: loss or gradient did, as they would with any learning rate in this step. */
    readonly inUpdate: boolean,
  ) {
    super('ERR_NON_FINITE', message);
  }
}

/**
 * Returns the ERR_NON_FINITE of step number `step` (from 1), which wrote nothing because its loss or gradient was not finite in
 * `run`, or because its update would have overflown. The State is as before that step, so the step is computed again, kernel by
 * kernel, to name the first layer whose values are not finite.
 */
export async function nonFiniteError(step: number, runner: Runner, run: RunOfSteps): Promise<NonFinite> {
  const { steps, outputs } = run.native;
  const first = await firstNonFinite(runner.plan, inputsOfStep(runner, run, steps));
  const [loss, norm] = [outputs.loss?.[steps], outputs.gradientNorm?.[steps]];
  const bothFinite = Number.isFinite(loss) && Number.isFinite(norm);
  const inUpdate = bothFinite && !first;
  const overflow = inUpdate ? 'the update would make parameters or optimizer values overflow, at ' : '';
  const where = first ? `; first in ${describeNonFinite(first)}` : '';
  const message = `Training stopped at step ${step}: ${overflow}loss ${loss}, gradient norm ${norm}${where}. The parameters are as before that step. A lower learning rate may help.`;
  return new NonFinite(message, inUpdate);
}

/** Returns the inputs of native step number `step` (from 0) of a run of several. */
function inputsOfStep({ graph, parts }: Runner, { inputs, batches }: RunOfSteps, step: number): RunInputs {
  const sizes = new Map(
    graph.nodes.flatMap(({ source, outputs: [tensor] }) =>
      source?.kind === 'input' && tensor ? [[source.name, tensor.size] as const] : [],
    ),
  );
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => {
      const size = sizes.get(name) ?? 0;
      if (value instanceof Landed) return [name, value.part(step * size, size)];
      const perStep = ArrayBuffer.isView(value) && value.length === size * batches.steps * parts;
      return [name, perStep ? value.subarray(step * size, (step + 1) * size) : value];
    }),
  );
}
