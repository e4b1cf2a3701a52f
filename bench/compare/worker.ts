/** saturnn's side of a comparison, in its own process. It speaks the protocol that pytorch.py describes. */
import { createInterface } from 'node:readline';
import { parseActivation } from '../../lib/ops/activations';
import { openDevice } from '../../lib/runtime/device';
import { Step } from '../step';
import { readData, type SetUp } from './setup';

const reply = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function main(): Promise<void> {
  let step: Step | null = null;
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      if (step) {
        reply(await step.run(Number(line.split(' ')[1])));
      } else {
        const setup = JSON.parse(line) as SetUp;
        const device = openDevice('cpu', { threads: setup.threads });
        const activation = parseActivation(setup.activationText);
        step = await Step.prepare({ ...setup, activation }, device, readData(setup));
        reply({ ready: { node: process.versions.node, device: device.info, arenaBytes: step.plan.arenaBytes } });
      }
    } catch (error) {
      reply({ error: (error as Error).message });
    }
  }
  step?.dispose();
}

void main();
