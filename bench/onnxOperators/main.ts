/**
 * `npm run check:onnx-ops [-- --seed N] [--operator NAME] [--json FILE] [--docs FILE]`: runs ONNX's own test cases of backends, which are in
 * the Python package onnx, through saturnn's public ops on the CPU. SATURNN_PYTHON names a Python that has the package. Prints how many
 * cases pass and why others are not claimed, and ends with 1 if a case that is claimed fails. --json stores the results, and --docs
 * writes the table between the two comments of docs/onnx-operators.md.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDevice } from '../../lib';
import { packageRoot } from '../../lib/runtime/locate';
import { version } from '../../lib/version';
import { type Cases, readCases } from './case';
import { operators } from './operators';
import { type Finished, markdownOf, reportOf, withTable } from './report';
import { runCase } from './run';

/** Has Python write the cases, and reads them. */
function casesOf(seed: number): Cases {
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-onnx-cases-'));
  try {
    const python = process.env.SATURNN_PYTHON ?? 'python3';
    const script = join(packageRoot(), 'bench', 'onnxOperators', 'cases.py');
    const { status, error } = spawnSync(python, [script, folder, String(seed), Object.keys(operators).join(',')], {
      stdio: 'inherit',
    });
    if (error) throw error;
    if (status !== 0)
      throw new Error(`${python} cannot write ONNX's cases: set SATURNN_PYTHON to a Python with the package onnx`);
    return readCases(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { seed: text, operator: text, json: text, docs: text } });
  const seed = Number(values.seed ?? 7);
  const { onnx, cases, read } = casesOf(seed);
  const device = openDevice('cpu');
  const finished: Finished[] = [];
  for (const named of cases) {
    if (values.operator !== undefined && !named.operators.includes(values.operator)) continue;
    const outcome = await runCase(named, read, device);
    finished.push({ named, outcome });
    if (outcome.result === 'failed') process.stdout.write(`FAILED ${named.name}: ${outcome.message}\n`);
    if (values.operator !== undefined) process.stdout.write(`${named.name}: ${JSON.stringify(outcome)}\n`);
  }
  const report = reportOf(finished, { onnx, saturnn: version, seed });
  const table = markdownOf(report);
  process.stdout.write(`${table}\n\nonnx ${onnx}, seed ${seed}: ${report.passed} cases passed, `);
  process.stdout.write(`${report.notClaimed} are not claimed, ${report.failed} failed\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
  if (values.docs !== undefined) writeFileSync(values.docs, withTable(readFileSync(values.docs, 'utf8'), report));
  return report.failed === 0 && report.passed > 0 ? 0 : 1;
}

void main().then((status) => {
  process.exitCode = status;
});
