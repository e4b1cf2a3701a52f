import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { errorLine } from '../../lib/cli/terminal/errorLine';
import { type Outcome, saturnn, saturnnLines } from './support';

// `data get` must not find data that an earlier command has downloaded.
process.env.XDG_CACHE_HOME = join(tmpdir(), 'saturnn-no-cache');
const folder = mkdtempSync(join(tmpdir(), 'saturnn-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'file'), '');
const damaged = `${folder}-damaged.gz`;
writeFileSync(damaged, 'no gzip');
afterAll(() => rmSync(damaged));

type Row = [line: string, expected: RegExp, code?: string];

/** Lines that are refused after work has begun, and one of each kind that is not: each has a process of its own, as users start it. */
const rows: readonly Row[] = [
  ['', /^Usage: saturnn/],
  ['frob', /unknown command 'frob'/],
  ['train --frob', /unknown option '--frob'/, 'ERR_INVALID_ARGUMENT'],
  ['predict --weights w x.png', /^error \[ERR_DATA\]: Cannot read w: ENOENT/],
  [`train --data ${folder}`, /Expected data at .*saturnn-.* in one of these forms: class folders .*\. Found "file"\n$/],
  [`train --data ${folder}/file`, /Expected data at .*file in one of these forms: .*\. Found the file "file"\n$/],
  [
    'train --data cifar10 --data-dir /nowhere',
    /Expected a folder or a \.tar\.gz at \/nowhere but found nothing/,
    'ERR_DATA',
  ],
  [`train --data ${damaged} --data-mode streaming`, /Expected a folder or a \.tar\.gz at .*damaged\.gz but found/],
  [
    'train --size 40x20 --device cpu',
    /Expected 4 to 32 pixels, the size of the images, for --size but received "40x20"/,
  ],
  ['estimate --model inceptionBn --device cpu', /for --size but received "224, the default of inceptionBn"/],
  [
    `data get cifar10 --md5 ${'0'.repeat(32)}`,
    /Expected \w{32}, that of the official archive, or another url \(--url\)/,
  ],
  ['data get cifar10 --dir /proc/saturnn', /Cannot write \/proc\/saturnn/, 'ERR_OUTPUT'],
  ['train --precision tf32 --device cpu', /computes in f32.*, not in tf32: tf32 needs a GPU/],
  ['train --precision fp16 --device cpu', /computes in f32.*, not in fp16: fp16 needs a GPU/, 'ERR_UNSUPPORTED'],
  ['train --device cuda:999', /cuda|CUDA|driver/i],
  [`train --device cpu --out ${join(folder, 'file')}`, /Cannot write .*file/],
  ['train --device cpu --out /proc/saturnn', /Cannot write \/proc\/saturnn/, 'ERR_OUTPUT'],
];

/** Lines that are refused as they are read. One process runs all of them. */
const refusedAtOnce: readonly Row[] = [
  ['train --epoch 3', /unknown option '--epoch' \(Did you mean --epochs\?\)/],
  [
    'train extra',
    /too many arguments for 'train': expected options only but received "extra"\. `saturnn train --help`/,
  ],
  [
    'predict',
    /required option '--weights <file>' not specified: the network: model\.safetensors or best\.safetensors of a run\n$/,
  ],
  ['predict x.png y.png', /'--weights <file>' not specified: the network: [^;]*\n$/],
  ['inspect inception33 b c', /expected <model> and options but received "b" "c"\./],
  ['train --data imagenet', /'imagenet' is invalid.*generated/],
  ['train --labels rough', /'rough' is invalid.*fine, coarse/],
  ['train --mean image', /'image' is invalid.*channel, pixel/],
  ['train --scale wide', /--scale.*'wide' is invalid.*deviation, none or a number above 0 and at most 1000000/],
  ['train --scale -1', /--scale.*'-1' is invalid/],
  ['train --data-mode disk', /'disk' is invalid.*resident, streaming/],
  ['data get', /missing required argument 'name'/],
  ['data get mnist', /'mnist' is invalid.*cifar10, cifar100/],
  ['data get cifar10 --md5 12', /--md5.*'12' is invalid.*32 hexadecimal/],
  ['data get cifar10 --url nonsense', /address with http or https for url.*"nonsense"/],
  ['data show --data nowhere', /'nowhere' is invalid.*a path that exists/],
  ['data frob', /unknown command 'frob'/],
  ['train --model vgg', /'vgg' is invalid.*inception33, subInception/],
  ['train --width 0', /--width.*'0' is invalid.*a number above 0 and at most 8/, 'ERR_INVALID_ARGUMENT'],
  ['train --width -0.5', /--width.*'-0.5' is invalid/],
  ['train --width wide', /--width.*'wide' is invalid/],
  ['train --width 1000', /--width.*'1000' is invalid.*a number above 0 and at most 8/],
  ['train --batch 0', /--batch.*'0' is invalid.*an integer from 1 to 65536/],
  ['train --batch 1.5', /--batch.*'1.5' is invalid/],
  ['train --epochs -1', /--epochs.*'-1' is invalid/],
  ['train --epochs 1 --steps 1', /'--steps <n>' cannot be used with option '--epochs <n>'/],
  ['train --limit 0', /--limit.*'0' is invalid/],
  ['train --lr 0', /--lr.*'0' is invalid/],
  ['train --lr nan', /--lr.*'nan' is invalid/],
  ['train --momentum 1', /--momentum.*'1' is invalid.*at least 0 and less than 1/],
  ['train --weight-decay -1', /--weight-decay.*'-1' is invalid/],
  ['train --seed -1', /--seed.*'-1' is invalid/],
  ['train --seed 2147483648', /--seed.*0 to 2147483647/],
  [
    'train --activation swish',
    /one of sigmoid, scaledSigmoid, tanh, leakyTanh, relu, leakyRelu, elu, .*, rrelu.*"swish"/,
  ],
  ['train --activation leakyTanh:0.7', /0 to 0.5 for slope of leakyTanh but received 0.7/],
  ['train --activation leakyTanh:', /NAME or NAME:SLOPE/],
  ['train --activation tanh:0.1', /no slope.*0.1/],
  ['train --activation rrelu:0.5', /rrelu:LOWER:UPPER with numbers.*"rrelu:0.5"/],
  ['train --init lecun', /--init.*'lecun' is invalid.*one of default, xavier, msra, orthonormal, lsuv/],
  ['train --device tpu', /'tpu' is invalid.*auto, cpu, cuda or cuda:N/],
  ['inspect', /missing required argument 'model'/, 'ERR_INVALID_ARGUMENT'],
  ['inspect vgg', /one of inception33, subInception.*"vgg"/, 'ERR_INVALID_ARGUMENT'],
];

const wordsOf = (line: string) => line.split(' ').filter(Boolean);
const outcomes = saturnnLines(refusedAtOnce.map(([line]) => wordsOf(line)));

function expectOneLine([line, expected, errorCode]: Row, { code, stdout, stderr }: Outcome): void {
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(expected);
  expect(stderr).not.toMatch(/\n {4}at /);
  if (line) expect(stderr).toMatch(/^error \[ERR_[A-Z_]+\]: \S[^\n]*\n$/);
  if (errorCode) expect(stderr).toContain(`error [${errorCode}]: `);
}

test.concurrent.each<Row>(rows)(
  'saturnn %s: one clear line, exit code 1, no stack trace',
  async (line, expected, errorCode) => {
    expectOneLine([line, expected, errorCode], await saturnn(wordsOf(line)));
  },
);

test.each<Row>(refusedAtOnce)(
  'saturnn %s: one clear line, exit code 1, no stack trace',
  async (line, expected, errorCode) => {
    const outcome = (await outcomes)[refusedAtOnce.findIndex(([other]) => other === line)];
    expectOneLine([line, expected, errorCode], outcome as Outcome);
  },
);

test('what is written goes to a folder that is there', async () => {
  const line = 'bench step --smoke --device cpu --rounds 1 --minutes 0.00001 --save /nowhere/x';
  expect((await saturnn(wordsOf(line))).stderr).toContain('error [ERR_OUTPUT]: ');
});

test('an error of the operating system that saturnn does not expect keeps the system’s code', () => {
  const error = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  expect(errorLine(error)).toBe('error [ENOSPC]: no space left on device\n');
});

test('a precision that the device lacks is refused before a folder is made', async () => {
  const out = join(folder, 'refused');
  const { code } = await saturnn(['train', '--device', 'cpu', '--precision', 'fp16', '--out', out]);
  expect([code, existsSync(out)]).toEqual([1, false]);
});

test('SATURNN_DEBUG adds the stack', async () => {
  const { stderr } = await saturnn(['inspect', 'vgg'], { env: { SATURNN_DEBUG: '1' } });
  expect(stderr).toMatch(/\n {4}at /);
});
