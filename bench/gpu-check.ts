/**
 * `npm run gpu:check`, and ./gpu-check in the bundle: checks that this GPU computes correctly, and measures its speed.
 * Takes under nine minutes on an H200. Each section runs in its own process; cheap and important sections come first. The
 * report names everything that did not run and never counts it as passed.
 *
 *   gpu-check [--json FILE] [--only SECTION,...] [--budget SECONDS] [--device NAME] [--precision NAME,...] [--cases TEXT]
 *             [--train FOLDER [--epochs N] [--out FOLDER]] [--sanitizer] [--smoke]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { environment, writeJson } from '../lib/measure/harness';
import { openDevice, type Precision, precisions } from '../lib/runtime/device';
import { testSeed } from '../test/random';
import { bits } from './check/bits';
import { conformance } from './check/conformance';
import { parity } from './check/parity';
import { pytorch } from './check/pytorch';
import { carryOut, type Order, runSection, type SectionReport } from './check/runner';
import { sanitizer } from './check/sanitizer';
import type { CheckOptions, Row, Section } from './check/section';
import { convolutions, kernels, steps } from './check/speed';
import { train } from './check/train';
import { versions } from './check/versions';

const sections: readonly Section[] = [
  ...[versions, conformance, bits, parity, steps, kernels, convolutions, pytorch],
  ...[train, sanitizer],
];
/** Seconds for all sections; the rest of nine minutes is for starting and reporting. */
const usualBudget = 520;

interface Chosen {
  readonly options: CheckOptions;
  readonly sections: readonly Section[];
  readonly budget: number;
  readonly json?: string;
}

/** Reads the command line. @throws Error for a section, precision or number that is not valid */
function choose(): Chosen {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      only: { type: 'string' },
      budget: { type: 'string', default: String(usualBudget) },
      device: { type: 'string' },
      precision: { type: 'string', default: precisions.join() },
      cases: { type: 'string', default: '' },
      'own-kernels': { type: 'boolean', default: false },
      train: { type: 'string', default: '' },
      out: { type: 'string', default: 'gpu-check-runs' },
      epochs: { type: 'string', default: '10' },
      sanitizer: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
    },
  });
  const asked = values.only?.split(',') ?? [
    ...sections.filter(({ optional }) => !optional).map(({ name }) => name),
    ...(values.train ? ['train'] : []),
    ...(values.sanitizer ? ['sanitizer'] : []),
  ];
  const unknown = asked.filter((name) => !sections.some((section) => section.name === name));
  if (unknown.length > 0) {
    throw new Error(
      `Expected sections among ${sections.map(({ name }) => name).join(', ')} but received ${unknown.join(', ')}`,
    );
  }
  const chosen = values.precision.split(',');
  const wrong = chosen.filter((name) => !precisions.includes(name as Precision));
  if (wrong.length > 0)
    throw new Error(`Expected ${precisions.join(', ')} for --precision but received ${wrong.join(', ')}`);
  return {
    options: {
      device: values.device ?? usualDevice(),
      precisions: chosen as Precision[],
      smoke: values.smoke,
      cases: values.cases,
      ownKernels: values['own-kernels'],
      data: values.train,
      out: values.out,
      epochs: positive('--epochs', values.epochs),
    },
    sections: sections.filter(({ name }) => asked.includes(name)),
    budget: positive('--budget', values.budget),
    json: values.json,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(Number.isFinite(value) && value > 0))
    throw new Error(`Expected a positive number for ${name} but received ${text}`);
  return value;
}

/** Returns "cuda" if a GPU works here; otherwise prints why not and returns "cpu". */
function usualDevice(): string {
  try {
    using device = openDevice('cuda');
    return device.backend;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    console.log(`cuda: NOT RUN (no GPU): ${code}: ${message.split('\n')[0]}; using the CPU instead`);
    return 'cpu';
  }
}

function print(section: Section, { status, seconds, failures, notRun, rows }: SectionReport): void {
  console.log(`\n== ${section.name}: ${status}, ${seconds.toFixed(0)} s`);
  if (rows.length > 0) process.stdout.write(section.format(rows));
  for (const text of notRun) console.log(`not run: ${text}`);
  for (const text of failures) console.log(`FAILED: ${text}`);
}

/**
 * Runs the chosen sections. Writes the JSON file again after each section, so that a check that is interrupted keeps its
 * results.
 * @returns the exit status: 0 if nothing failed, no section was cut short and at least one ran
 */
async function check({ options, sections: chosen, budget, json }: Chosen): Promise<number> {
  const began = performance.now();
  const reports: SectionReport[] = [];
  const before: Record<string, readonly Row[]> = {};
  const wanted = chosen.reduce((sum, { seconds }) => sum + seconds, 0);
  const gpu = options.device.startsWith('cuda');
  for (const section of chosen) {
    const left = budget - (performance.now() - began) / 1000;
    // If the chosen sections need less than the budget, each gets proportionally more time.
    const seconds = Math.min(left, section.seconds * Math.max(1, budget / wanted));
    console.log(`\n-- ${section.name}: ${section.about} (${seconds.toFixed(0)} s)`);
    const report: SectionReport =
      seconds > 1
        ? await runSection(section, options, seconds, before)
        : {
            name: section.name,
            status: 'not run',
            reason: 'no time left',
            seconds: 0,
            failures: [],
            notRun: ['no time left'],
            rows: [],
          };
    before[section.name] = report.rows;
    reports.push(report);
    print(section, report);
    if (json) {
      const failures = reports.flatMap((it) => it.failures).length;
      writeJson(json, { ...environment(), seed: testSeed, gpu, options, failures, sections: reports });
    }
  }
  const failures = reports.flatMap((it) => it.failures);
  const namesOf = (wanted: SectionReport['status']) =>
    reports.filter(({ status }) => status === wanted).map(({ name }) => name);
  const [notRun, cutShort] = [namesOf('not run'), namesOf('cut short')];
  const verdict = failures.length > 0 ? `${failures.length} FAILURES` : 'no failures';
  const said = (words: string, names: readonly string[]) => (names.length > 0 ? `; ${words}: ${names.join(', ')}` : '');
  const ran = `${said('CUT SHORT', cutShort)}${said('not run', notRun)}`;
  if (json) console.log(`\nwritten to ${json}`);
  console.log(`\nran on ${options.device}; ${verdict}${ran}; ${gpu ? 'GPU checked' : 'no GPU'}`);
  return failures.length === 0 && cutShort.length === 0 && notRun.length < reports.length ? 0 : 1;
}

async function main(): Promise<number> {
  const [flag, file] = process.argv.slice(2);
  if (flag !== '--order' || !file) return check(choose());
  await carryOut(JSON.parse(readFileSync(file, 'utf8')) as Order, sections);
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    console.error(error.message);
    process.exit(1);
  },
);
