/**
 * `npm run gpu:check`, and ./gpu-check in the bundle: the conformance suite and the kernel benchmarks on every backend that
 * this host has. What is absent is reported as not run, by name and reason; nothing that did not run counts as passed.
 *
 *   gpu-check [--json FILE] [--no-bench] [--only TEXT]
 */
import { parseArgs } from 'node:util';
import type { Device } from '../lib/device';
import { ops } from '../lib/ops';
import { type Backend, backends } from '../test/backends';
import { caseTable } from '../test/cases';
import type { Case } from '../test/cases/problem';
import { checkOp, type Mode, modes } from '../test/check';
import { testSeed } from '../test/random';
import { environment, table, writeJson } from './harness';
import { type KernelReport, measureKernels, printKernels } from './kernels';

interface GroupResult {
  readonly group: string;
  readonly mode: Mode;
  readonly passed: number;
  readonly failed: readonly string[];
  /** Cases that need an op which the backend lacks. */
  readonly notRun: readonly string[];
  /** The largest error, as a part of what is allowed. */
  readonly worst: number;
}

interface BackendReport {
  readonly backend: string;
  readonly device: Readonly<Record<string, unknown>>;
  readonly missingOps: readonly string[];
  readonly conformance: readonly GroupResult[];
  readonly kernels: KernelReport | null;
}

async function checkGroup(group: string, cases: readonly Case[], device: Device, mode: Mode): Promise<GroupResult> {
  let passed = 0;
  let worst = 0;
  const failed: string[] = [];
  const notRun: string[] = [];
  for (const testCase of cases) {
    try {
      const { missing, ratio } = await checkOp(testCase, { device, mode });
      if (missing.length > 0) {
        notRun.push(`${testCase.name} (no kernel for ${missing.join(', ')})`);
      } else {
        passed++;
        worst = Math.max(worst, ratio);
      }
    } catch (error) {
      failed.push((error as Error).message);
    }
  }
  return { group, mode, passed, failed, notRun, worst };
}

async function checkBackend(device: Device, only: string, bench: boolean): Promise<BackendReport> {
  const conformance: GroupResult[] = [];
  for (const [group, cases] of Object.entries(caseTable)) {
    const chosen = cases.filter(({ name }) => name.includes(only));
    if (chosen.length === 0) continue;
    for (const mode of modes) conformance.push(await checkGroup(group, chosen, device, mode));
  }
  return {
    backend: device.name,
    device: device.info,
    missingOps: ops.map(({ name }) => name).filter((name) => !(name in device.ops)),
    conformance,
    kernels: bench ? await measureKernels(device) : null,
  };
}

function printBackend({ backend, device, missingOps, conformance, kernels }: BackendReport): void {
  console.log(`\n== ${backend}: ${device.name ?? 'unknown device'}`);
  const rows = conformance.map(({ group, mode, passed, failed, notRun, worst }) => [
    group,
    mode,
    passed,
    failed.length,
    notRun.length,
    Number(worst.toFixed(3)),
  ]);
  console.log(table(['cases', 'mode', 'passed', 'failed', 'not run', 'largest error / allowed'], rows));
  if (missingOps.length > 0) console.log(`not run: ${backend} has no kernel for ${missingOps.join(', ')}`);
  for (const message of conformance.flatMap(({ failed }) => failed)) console.log(`FAILED: ${message}`);
  if (kernels) printKernels(backend, kernels);
}

/** What could not be opened. "no GPU" is said in these words wherever the CUDA backend did not run. */
function printAbsent({ name, reason }: Backend): void {
  console.log(`\n== ${name}: NOT RUN${name === 'cuda' ? ' (no GPU)' : ''}: ${reason}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      only: { type: 'string', default: '' },
      'no-bench': { type: 'boolean', default: false },
    },
  });
  const found = backends();
  const reports: BackendReport[] = [];
  for (const backend of found) {
    if (!backend.device) {
      printAbsent(backend);
      continue;
    }
    const report = await checkBackend(backend.device, values.only, !values['no-bench']);
    printBackend(report);
    reports.push(report);
  }
  const notRun = found.filter(({ device }) => !device).map(({ name, reason }) => ({ backend: name, reason }));
  const failures = reports.flatMap(({ conformance }) => conformance.flatMap(({ failed }) => failed));
  const gpu = reports.some(({ backend }) => backend.startsWith('cuda'));
  if (values.json) {
    writeJson(values.json, {
      ...environment(),
      seed: testSeed,
      gpu,
      failures: failures.length,
      notRun,
      backends: reports,
    });
    console.log(`\nwritten to ${values.json}`);
  }
  const ran = reports.length > 0 ? `ran on ${reports.map(({ backend }) => backend).join(', ')}` : 'NOTHING RAN';
  const verdict = failures.length > 0 ? `${failures.length} FAILURES` : 'no failures';
  console.log(`\n${ran}; ${verdict}; ${gpu ? 'GPU checked' : 'no GPU'}`);
  return failures.length === 0 && reports.length > 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
