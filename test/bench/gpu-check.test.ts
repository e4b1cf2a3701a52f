/** gpu:check as it is shipped, on the CPU and with tiny sizes: its sections, failures of sections, and its report. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { waysOf } from '../../bench/check/pytorch';
import type { SectionReport } from '../../bench/check/runner';
import { RowFile } from '../../bench/check/section';
import { openDevice } from '../../lib/runtime/device';
import { packageRoot } from '../../lib/runtime/locate';
import { cifar100Files, writeFiles } from '../data/support';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();
const { precisions } = openDevice('cpu');

beforeAll(() => {
  const compile = `import { compileTypescript } from '${join(packageRoot(), 'scripts/typescript.mjs')}';
    await compileTypescript('tsconfig.bundle.json');`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', compile], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

interface Report {
  readonly gpu: boolean;
  readonly failures: number;
  readonly sections: readonly SectionReport[];
}

let runs = 0;

function check(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const json = join(folder, `${runs++}.json`);
  const script = join(packageRoot(), 'dist-bundle/bench/gpu-check.js');
  const usual = ['--device', 'cpu', '--smoke', '--json', json];
  const { status, stdout } = spawnSync(process.execPath, [script, ...usual, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout, report: JSON.parse(readFileSync(json, 'utf8')) as Report };
}

const kinds = ({ rows }: SectionReport) => rows.map(({ kind }) => kind);

test('conformance, bits and parity: every precision, counted and reported', () => {
  const only = ['--only', 'versions,conformance,bits,parity', '--cases', 'scaledSigmoid [3,3,2,7], a NaN'];
  const { status, stdout, report } = check(only);
  expect(stdout).toContain('ran on cpu; no failures; no GPU');
  expect(status).toBe(0);
  const [versions, conformance, bits, parity] = report.sections as SectionReport[];
  expect(report).toMatchObject({ gpu: false, failures: 0 });
  expect(versions?.rows[0]).toMatchObject({ device: 'cpu', info: { backend: 'cpu' } });
  const cases = conformance?.rows ?? [];
  expect(cases.length).toBeGreaterThanOrEqual(4);
  for (const precision of precisions) {
    for (const mode of ['plain', 'fused']) {
      expect(cases.some((row) => row.precision === precision && row.mode === mode)).toBe(true);
    }
  }
  expect(bits?.rows.map(({ precision, what }) => `${precision} ${what}`)).toEqual(
    precisions.flatMap((name) => [`${name} again`, `${name} kernel by kernel`, `${name} traced`]),
  );
  expect(parity?.rows.map(({ precision }) => precision)).toEqual(precisions);
  expect(parity?.rows[0]).toMatchObject({ precision: 'f32', difference: 0 });
  // Other precisions differ from f32; a processor without AVX-512 has none.
  for (const { difference } of parity?.rows.slice(1) ?? []) expect(Number(difference)).toBeGreaterThan(0);
});

test('the harness: steps, kernels, convolutions', () => {
  const { status, stdout, report } = check(['--only', 'step,kernels,convolutions', '--precision', 'f32']);
  expect(status).toBe(0);
  expect(report.sections.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed']);
  expect(stdout).toMatch(/^inception33 leakyTanh:0\.25 +2 +f32 /m);
  expect(stdout).toMatch(/^inception33 tanh +2 +f32 /m);
  expect(stdout).toMatch(/^SGD +f32 /m);
  expect(stdout).toMatch(/in all, those first that lose the most time: conv2d /);
});

test('a section that dies leaves the others, and fails the check', () => {
  const { status, stdout, report } = check(['--only', 'versions,pytorch'], { SATURNN_PYTHON: '/nowhere/python3' });
  expect(status).toBe(1);
  expect(report.sections.map(({ status }) => status)).toEqual(['passed', 'failed']);
  expect(stdout).toContain('FAILED: pytorch: exit code 1: spawn /nowhere/python3 ENOENT');
  expect(stdout).toContain('1 FAILURES');
});

test('without time left, a section that did not run does not count as passed', () => {
  const { status, report } = check(['--only', 'versions,parity', '--budget', '1']);
  expect(status).toBe(1);
  expect(report.sections.map(({ status }) => status)).toEqual(['not run', 'not run']);
});

/** Writes a program into a folder of its own. @returns that folder, for PATH */
function fakeProgram(name: string, text: string): string {
  const own = join(folder, `bin-${name}`);
  mkdirSync(own, { recursive: true });
  const file = join(own, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

describe('PyTorch beside us', () => {
  test('lines are recorded as they come, with the ratio to the step that was measured before', () => {
    const answers = [
      { torch: '2.11', gpu: 'fake' },
      { way: 'eager', precision: 'f32', batch: 2, milliseconds: 1e6, seconds: 1 },
      { way: 'compile', precision: 'f32', batch: 2, error: 'no compiler', seconds: 2 },
    ];
    const lines = ['autotuning noise', ...answers.map((answer) => JSON.stringify(answer))];
    const python = fakeProgram('python3', `cat > "$0.setup"; ${lines.map((line) => `echo '${line}'`).join('; ')}`);
    const { report, stdout } = check(['--only', 'step,pytorch', '--precision', 'f32'], { SATURNN_PYTHON: python });
    const [step, pytorch] = report.sections as [SectionReport, SectionReport];
    expect(pytorch.status).toBe('passed');
    expect(kinds(pytorch)).toEqual(['versions', 'pytorch', 'pytorch']);
    const [ours] = (step.rows[0] as unknown as { report: { steps: { milliseconds: number }[] } }).report.steps;
    expect(pytorch.rows[1]?.ratio).toBeCloseTo(1e6 / Number(ours?.milliseconds), 6);
    expect(pytorch.rows[2]).toMatchObject({ error: 'no compiler' });
    expect(pytorch.rows[2]).not.toHaveProperty('ratio');
    expect(pytorch.notRun).toEqual([`${waysOf([2]).length - 2} ways of PyTorch: no time left`]);
    expect(stdout).toMatch(/^compile +f32 +2 +- +- +2 +no compiler$/m);
    const setup = JSON.parse(readFileSync(`${python}.setup`, 'utf8'));
    expect(setup).toMatchObject({ model: 'inception33', ways: waysOf([2]), rounds: 1 });
  });

  test('the real script, where there is no PyTorch or no GPU, says so', () => {
    const { status, report } = check(['--only', 'versions,pytorch']);
    expect(status).toBe(0);
    expect(report.sections[1]).toMatchObject({ status: 'not run', failures: [] });
    expect(report.sections[1]?.notRun[0]).toMatch(/cannot import PyTorch|sees no GPU/);
  });

  test('cheap ways come first', () => {
    expect(waysOf([128, 1024]).slice(0, 5)).toEqual([
      ['eager', 'bf16', 128],
      ['eager', 'bf16', 1024],
      ['eager', 'tf32', 128],
      ['eager', 'tf32', 1024],
      ['graph', 'bf16', 128],
    ]);
  });
});

describe('compute-sanitizer', () => {
  const only = ['--only', 'sanitizer', '--precision', 'f32', '--cases', 'scaledSigmoid [3,3,2,7], a NaN'];

  test('runs the cases of our own kernels under each tool', () => {
    // The fake runs the command after its own options, like the real program.
    const program = fakeProgram('compute-sanitizer', 'shift 4; "$@"; echo "========= ERROR SUMMARY: 0 errors"');
    const { status, report } = check(only, { PATH: `${join(program, '..')}:${process.env.PATH}` });
    expect(status).toBe(0);
    const rows = report.sections[0]?.rows ?? [];
    expect(rows.map(({ tool, said }) => `${tool}: ${said}`)).toEqual([
      'memcheck: ========= ERROR SUMMARY: 0 errors',
      'racecheck: ========= ERROR SUMMARY: 0 errors',
    ]);
    for (const row of rows) expect(Number(row.cases)).toBeGreaterThan(2);
  });

  test('an error that it finds fails the check', () => {
    const said = '========= Invalid __global__ write of size 16 bytes';
    const program = fakeProgram('compute-sanitizer', `echo "${said}"; exit 99`);
    const { status, stdout } = check(only, { PATH: `${join(program, '..')}:${process.env.PATH}` });
    expect(status).toBe(1);
    expect(stdout).toContain(`FAILED: memcheck, f32, after 0 cases: ${said}`);
  });

  test('if it is not installed, nothing counts as passed', () => {
    const { status, report } = check(only);
    expect(status).toBe(1);
    expect(report.sections[0]).toMatchObject({ status: 'not run' });
  });
});

test('training on CIFAR-100 goes on where the last check has stopped', () => {
  const data = writeFiles(join(folder, 'cifar'), cifar100Files(32, 8));
  const out = join(folder, 'runs');
  const args = (epochs: number) => [
    ...['--only', 'train', '--train', data, '--out', out, '--precision', 'f32', '--epochs', String(epochs)],
  ];
  const first = check(args(1));
  expect(first.report.sections[0]?.failures).toEqual([]);
  expect(first.report.sections[0]?.rows).toMatchObject([{ kind: 'epoch', epoch: 1, precision: 'f32' }]);
  const second = check(args(2));
  expect(second.report.sections[0]?.rows.map(({ epoch }) => epoch)).toEqual([2]);
  expect(second.stdout).toMatch(/^f32 +2 +[\d.]+ +\d+ +[\d.]+ % +[\d.]+ %$/m);
});

test('a line that a dying process has not finished is left out', () => {
  const file = new RowFile(join(folder, 'rows.jsonl'));
  expect(file.read()).toEqual([]);
  file.append({ kind: 'case', name: 'a' });
  writeFileSync(file.path, `${readFileSync(file.path, 'utf8')}{"kind":"ca`);
  expect(file.read()).toEqual([{ kind: 'case', name: 'a' }]);
});

test.each([
  [['--only', 'nonsense'], /Expected sections among versions, .* but received nonsense/],
  [['--precision', 'f64'], /Expected f32, tf32, bf16, fp16 for --precision but received f64/],
  [['--budget', 'soon'], /Expected a positive number for --budget but received soon/],
])('refuses %j', (args, message) => {
  const script = join(packageRoot(), 'dist-bundle/bench/gpu-check.js');
  const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toMatch(message);
});
