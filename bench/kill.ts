/**
 * `npm run kill -- [--command train|table1|decoding] [--kills N] [--seed S] [--json FILE] [-- OPTIONS]`: the long form of test/kill, which kills
 * `saturnn train` and `saturnn table1` at random moments and in various ways, continues them and compares the results. OPTIONS are those
 * of the command, e.g. `-- --precision=bf16`. "decoding" kills `saturnn data show` while it decodes pictures.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environment, writeJson } from '../lib/measure/harness';
import { type DecodingKillReport, killDecoding } from '../test/kill/decoding';
import { type Command, type KillReport, killAndResume, smallArguments } from '../test/kill/kill';

const commands = Object.keys(smallArguments) as Command[];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      ...{ command: { type: 'string' }, kills: { type: 'string', default: '20' } },
      ...{ seed: { type: 'string' }, json: { type: 'string' } },
    },
    allowPositionals: true,
  });
  const kills = Number(values.kills);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!(Number.isSafeInteger(kills) && kills > 0 && Number.isSafeInteger(seed))) {
    throw new Error('Expected integers for --kills (at least 1, for each command) and --seed.');
  }
  const chosen = commands.filter((command) => (values.command ?? command) === command);
  const decodes = (values.command ?? 'decoding') === 'decoding';
  if (chosen.length === 0 && !decodes) throw new Error(`Expected ${commands.join(', ')} or decoding for --command.`);
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-kill-'));
  const log = (line: string) => process.stdout.write(`${line}\n`);
  const reports: Partial<Record<Command, KillReport & { readonly args: string }>> = {};
  for (const command of chosen) {
    const args = [...smallArguments[command].split(' '), ...positionals];
    log(`${kills} kills, seed ${seed}: saturnn ${command} ${args.join(' ')}`);
    const report = await killAndResume({ command, args, folder: join(folder, command), kills, seed, log });
    log(JSON.stringify(report, null, 2));
    reports[command] = { args: args.join(' '), ...report };
  }
  let decoding: DecodingKillReport | undefined;
  if (decodes) {
    log(`${kills} kills, seed ${seed}: saturnn data show, while it decodes`);
    decoding = await killDecoding({ folder: join(folder, 'decoding'), kills, seed, perClass: 120, log });
    log(JSON.stringify(decoding, null, 2));
  }
  if (values.json) writeJson(values.json, { ...environment(), seed, ...reports, ...(decoding && { decoding }) });
  const faults = [...Object.values(reports), ...(decoding ? [decoding] : [])].reduce(
    (sum, report) => sum + report.faults.length,
    0,
  );
  if (faults > 0) throw new Error(`${faults} faults. The folders are in ${folder}`);
  rmSync(folder, { recursive: true });
}

main().catch((error: Error) => {
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
});
