// Trains one step and answers with the names of the events.
import { generated, inception33, leakyTanh, Trainer } from 'saturnn';

export const dynamic = 'force-dynamic';

export async function GET() {
  const { train, test } = generated({ train: 8, test: 8 });
  const model = inception33({ width: 0.1, activation: leakyTanh(0.25) });
  const trainer = new Trainer({ model, train, test, batch: 8, device: 'cpu' });
  const events = [];
  for await (const { event } of trainer.fit({ epochs: 1 })) events.push(event);
  trainer.dispose();
  return Response.json(events);
}
