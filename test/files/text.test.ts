/** Text that comes from files, servers and other hosts: it does not act on the terminal, and its shape costs neither time nor stack. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../lib/cli/options/resume';
import { errorLine } from '../../lib/cli/terminal/errorLine';
import { withOptions } from '../../lib/cli/train';
import { invalid, SaturnnError, show, visible } from '../../lib/errors';
import { readStored } from '../../lib/experiments/storedJson';
import { parseJson } from '../../lib/files/json';
import { parseSafetensors } from '../../lib/files/safetensors';
import { readEpochs } from '../../lib/train/runFolder';
import { temporaryFolder } from '../temporary';

const root = temporaryFolder();
const hidden = '\x1b[2J\x07\x9b31m\u202e\x7f\r';
const escaped = '\\u001b[2J\\u0007\\u009b31m\\u202e\\u007f\\u000d';

describe('control characters', () => {
  test('are escapes in messages of errors, in values that they show, and in what the command prints', () => {
    expect(visible(`a\tb\nc${hidden}é漢`)).toBe(`a\tb\nc${escaped}é漢`);
    expect(new SaturnnError('ERR_DATA', hidden).message).toBe(escaped);
    expect(show(hidden)).toBe(`"${escaped.replace('\\u000d', '\\r')}"`);
    expect(invalid(hidden, 'a', 'b').message).toContain(escaped);
    expect(errorLine(new Error(`${hidden} of another library`))).toBe(
      `error [ERR_INTERNAL]: ${escaped} of another library\n`,
    );
  });

  test('leave JSON the same', () => {
    const value = { [hidden]: hidden };
    expect(JSON.parse(visible(JSON.stringify(value)))).toEqual(value);
  });

  test('of a name that is given to the command do not reach the terminal', () => {
    const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');
    const { stdout, stderr } = spawnSync(process.execPath, [main, 'train', '--data', `${root}/${hidden}`], {
      encoding: 'utf8',
    });
    expect(stderr).toMatch(/^error \[ERR_\w+\]: .*\\u001b\[2J/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is about them
    expect(stdout + stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
  });
});

test('a message of a million blanks and lines is one line', () => {
  const blanks = ' '.repeat(1_000_000);
  expect(errorLine(new Error(`a${blanks}\n${blanks}\n  b`))).toBe('error [ERR_INTERNAL]: a b\n');
  expect(errorLine(new Error(`a${blanks}b`))).toBe(`error [ERR_INTERNAL]: a${blanks}b\n`);
});

describe('JSON that is nested 100,000 levels deep is refused with a code', () => {
  const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const reason = 'it is nested more than 200 levels deep';
  const refused = (code: string) => expect.objectContaining({ code, message: expect.stringContaining(reason) });

  test('but brackets in texts, and what is wide, are none of it', () => {
    expect(() => parseJson(deep)).toThrow(reason);
    const wide = { text: `${'['.repeat(1000)}\\"{`, list: Array.from({ length: 1000 }, () => [{}]) };
    expect(parseJson(JSON.stringify(wide))).toEqual(wide);
  });

  test('in the header of a safetensors file, in settings and results', () => {
    const header = Buffer.from(deep);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    expect(() => parseSafetensors(Buffer.concat([length, header]), 'f')).toThrow(refused('ERR_DATA'));
    expect(() => parseSettings(header, 'f', {}, withOptions)).toThrow(refused('ERR_CHECKPOINT'));
    writeFileSync(join(root, 'result.json'), deep);
    expect(() => readStored(join(root, 'result.json'))).toThrow(refused('ERR_CHECKPOINT'));
  });
});

test('a pipe in place of a file of a run is an error, at once', () => {
  const run = join(root, 'run');
  mkdirSync(run);
  for (const name of ['metrics.jsonl', 'result.json']) spawnSync('mkfifo', [join(run, name)]);
  for (const read of [() => readEpochs(run), () => readStored(join(run, 'result.json'))]) {
    const message = expect.stringContaining('a pipe, not a regular file');
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_CHECKPOINT', message }));
  }
});
