/**
 * `npm run kill -- [--kills N] [--seed S] [--json FILE] [-- OPTIONS]`: the long form of test/kill, which kills a training
 * run at random moments, resumes it and compares the result. OPTIONS are those of `saturnn train`, e.g. `-- --precision
 * bf16`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environment, writeJson } from '../lib/measure/harness';
import { killAndResume } from '../test/kill/kill';

/** A training run that takes about a minute on two cores, so that kills are a few seconds apart. */
const small = '--device cpu --width 0.25 --batch 32 --limit 1600 --epochs 3 --schedule cosine --checkpoint-steps 7';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { kills: { type: 'string', default: '20' }, seed: { type: 'string' }, json: { type: 'string' } },
    allowPositionals: true,
  });
  const kills = Number(values.kills);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!(Number.isSafeInteger(kills) && kills > 0 && Number.isSafeInteger(seed))) {
    throw new Error('Expected integers for --kills (at least 1) and --seed.');
  }
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-kill-'));
  const args = [...small.split(' '), ...positionals];
  const log = (line: string) => process.stdout.write(`${line}\n`);
  log(`${kills} kills, seed ${seed}: saturnn train ${args.join(' ')}`);
  const report = await killAndResume({ args, folder, kills, seed, log });
  log(JSON.stringify(report, null, 2));
  if (values.json) writeJson(values.json, { ...environment(), seed, args: args.join(' '), ...report });
  if (report.differences.length > 0) {
    throw new Error(`The resumed run differs from one that was not killed. Both are in ${folder}`);
  }
  rmSync(folder, { recursive: true });
}

main().catch((error: Error) => {
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
});
