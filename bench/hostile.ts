/** `npm run hostile -- [--rounds N]`: the long form of test/hostile. Prints the outcome of each server, with its slowest download. */
import { parseArgs } from 'node:util';
import { meet } from '../test/hostile/hostile';
import { servers } from '../test/hostile/servers';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '10' } } });
  const rounds = Number(values.rounds);
  if (!(Number.isSafeInteger(rounds) && rounds > 0)) throw new Error('Expected an integer of at least 1 for --rounds.');
  for (const server of servers) {
    const outcomes = [];
    for (let round = 0; round < rounds; round++) outcomes.push(await meet(server));
    const kinds = [...new Set(outcomes.map(({ outcome }) => outcome))].join(', ');
    const slowest = Math.max(...outcomes.map(({ milliseconds }) => milliseconds));
    process.stdout.write(`${server.name}: ${kinds} (${slowest.toFixed(0)} ms)\n`);
  }
  process.stdout.write(`${servers.length} servers, ${rounds * servers.length} downloads\n`);
}

void main();
