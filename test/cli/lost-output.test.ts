/** Tests how a command ends when its stdout, its terminal or its parent process goes away. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Interruption } from '../../lib/cli/terminal/interruption';
import { LostOutput } from '../../lib/cli/terminal/lostOutput';
import { temporaryFolder } from '../temporary';

const folder = temporaryFolder();
const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');
const small = ['train', '--device', 'cpu', '--width', '0.05', '--batch', '16', '--limit', '32', '--json'];

async function endOf(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = '';
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
}

test('train ends its work when nobody reads its stdout any more, as by `| head -1`', async () => {
  const out = join(folder, 'head');
  const child = spawn(process.execPath, [main, ...small, '--epochs', '2', '--out', out]);
  child.stdout.once('data', () => child.stdout.destroy());
  expect(await endOf(child)).toEqual({ code: 0, stderr: '' });
  expect(readdirSync(out)).toEqual(expect.arrayContaining(['last.checkpoint', 'model.safetensors', 'report.html']));
});

test('a stdout that is full does not end the work, but is the exit code: table1 and train', async () => {
  const full = openSync('/dev/full', 'w');
  const table = [
    'table1',
    '--device',
    'cpu',
    '--width',
    '0.05',
    '--batch',
    '16',
    '--limit',
    '32',
    '--test-limit',
    '16',
  ];
  const commands: [string[], string][] = [
    [[...small, '--steps', '1'], 'model.safetensors'],
    [[...table, '--epochs', '1', '--activations', 'tanh', '--lr', '0.01'], 'table.json'],
  ];
  for (const [args, result] of commands) {
    const out = join(folder, args[0]!);
    const child = spawn(process.execPath, [main, ...args, '--out', out], { stdio: ['ignore', full, 'pipe'] });
    const message = /^error \[ERR_OUTPUT\]: Cannot write to stdout: ENOSPC.*Everything else was done\n$/;
    expect(await endOf(child), args[0]).toEqual({ code: 1, stderr: expect.stringMatching(message) });
    expect(readdirSync(out)).toContain(result);
  }
  closeSync(full);
});

test('a closed terminal is a lost reader, and a disk that fails is not', async () => {
  const failure = (code: string, isTTY: boolean) => {
    const [stdout, stderr] = [Object.assign(new EventEmitter(), { isTTY }), new EventEmitter()];
    const output = new LostOutput(stdout as never, stderr as never);
    stdout.emit('error', Object.assign(new Error(code), { code }));
    // What follows from the first error says nothing.
    stdout.emit('error', Object.assign(new Error('destroyed'), { code: 'ERR_STREAM_DESTROYED' }));
    stderr.emit('error', new Error('EIO'));
    return output.check();
  };
  await failure('EPIPE', false);
  await failure('EIO', true);
  await expect(failure('EIO', false)).rejects.toMatchObject({ code: 'ERR_OUTPUT' });
  await expect(failure('ENOSPC', false)).rejects.toMatchObject({ code: 'ERR_OUTPUT' });
});

test('SIGHUP saves as Ctrl-C does, and is the exit code', async () => {
  const out = join(folder, 'hung-up');
  const child = spawn(process.execPath, [main, ...small, '--epochs', '1000', '--out', out]);
  // A terminal that is closed sends it twice: from the kernel, and from the shell.
  child.stdout.on('data', (data) => String(data).includes('"step":') && child.kill('SIGHUP'));
  expect(await endOf(child)).toMatchObject({ code: 129, stderr: expect.stringMatching(/^error \[ERR_INTERRUPTED\]/) });
  expect(readdirSync(out)).toEqual(expect.arrayContaining(['last.checkpoint', 'model.safetensors', 'report.html']));
});

test('a run that npx has started saves and ends when npx is gone', async () => {
  const out = join(folder, 'orphan');
  const env = { ...process.env, npm_command: 'exec', npm_lifecycle_event: 'npx' };
  // The command after it keeps the shell: the process is its child, as it is with npx.
  const line = `"${process.execPath}" "${main}" ${small.join(' ')} --epochs 100000 --out "${out}"; true`;
  const shell = spawn('sh', ['-c', line], { env });
  shell.stdout.on('data', (data) => String(data).includes('"step":') && shell.kill('SIGKILL'));
  // Its stdio is closed when the run has ended, too.
  const { stderr } = await endOf(shell);
  expect(stderr).toMatch(/^error \[ERR_INTERRUPTED\]: Interrupted after step \d+\n$/);
  expect(readdirSync(out)).toEqual(expect.arrayContaining(['last.checkpoint', 'model.safetensors', 'report.html']));
});

test('one request that arrives as several signals is one; a later Ctrl-C ends the process at once', () => {
  const codes: string[] = [];
  let time = 0;
  const interruption = new Interruption({
    ...{ env: {}, parent: () => 1 },
    now: () => time,
    exit: (code) => void codes.push(`exit ${code}`),
    endWith: (code) => void codes.push(`end ${code}`),
  });
  try {
    process.emit('SIGINT', 'SIGINT');
    process.emit('SIGINT', 'SIGINT');
    expect([interruption.signal.aborted, codes]).toEqual([true, ['end 130']]);
    time = 10_000;
    process.emit('SIGHUP', 'SIGHUP');
    process.emit('SIGTERM', 'SIGTERM');
    process.emit('SIGINT', 'SIGINT');
    expect(codes).toEqual(['end 130', 'exit 143', 'exit 130']);
  } finally {
    interruption.dispose();
  }
});
