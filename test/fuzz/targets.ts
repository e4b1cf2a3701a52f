/** The targets of the fuzz test: every reader of files, valid files to mutate, and checks of what a reader accepts. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { parseSettings } from '../../lib/cli/options/resume';
import { withOptions } from '../../lib/cli/train';
import { unpack } from '../../lib/data/archive';
import { cifarFromArchive, readNames } from '../../lib/data/cifar';
import { Dataset } from '../../lib/data/dataset';
import type { FileArray } from '../../lib/data/formats/array';
import { GzipReader } from '../../lib/data/formats/byteReaders';
import { parseIdx, unpackIdx } from '../../lib/data/formats/idx';
import { parseNpy } from '../../lib/data/formats/npy';
import { tarEntries } from '../../lib/data/formats/tarIndex';
import { zipParser } from '../../lib/data/formats/zip';
import { sizeInHeader } from '../../lib/data/pictures/pictureSize';
import { SaturnnError } from '../../lib/errors';
import { parseBytes } from '../../lib/files/read';
import { parseSafetensors } from '../../lib/files/safetensors';
import { parseShardIndex } from '../../lib/files/shards';
import { toFloat32 } from '../../lib/files/toFloat32';
import { decodeCheckpoint, encodeCheckpoint } from '../../lib/train/checkpoint/checkpoint';
import type { CheckpointInfo } from '../../lib/train/checkpoint/checkpointInfo';
import { type Fit, fitWeights } from '../../lib/weights/fit';
import { parseWeightMap } from '../../lib/weights/map';
import { problemsOf } from '../../lib/weights/report';
import { valuesOf } from '../../lib/weights/values';
import { idxBytes, npyBytes, zipBytes } from '../data/formats/arrays';
import { cifar10Files, cifar100Files, endOfTar, lines, records, seal, tar, tarEntry } from '../data/support';
import { changeGraph, checkGraph, graphSeeds } from './modelFiles';
import type { FuzzRandom } from './mutate';

export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** Repairs checksums and lengths of some mutated files, so that the code behind their checks is reached too. */
  readonly finish?: (bytes: Buffer, random: FuzzRandom) => Uint8Array;
  /** Calls the reader. Throws if it accepts something that cannot be right. */
  readonly read: (bytes: Uint8Array) => unknown;
}

function ensure(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`accepted, but ${what}`);
}

function checkDataset({ images, labels, count, classes, classNames }: Dataset): void {
  ensure(count > 0 && labels.length === count && images.length === count * 3072, 'sizes do not fit');
  ensure(
    labels.every((label) => label >= 0 && label < classes),
    'a label is out of range',
  );
  ensure(classNames === null || classNames.length === classes, 'names do not fit');
}

const readRecords = (layout: 'cifar10' | 'cifar100', labels?: 'coarse') => (bytes: Uint8Array) => {
  const data = Dataset.fromRecords(bytes, { layout, labels, source: 'mutated' });
  checkDataset(data);
  ensure(bytes.length === data.count * (layout === 'cifar10' ? 3073 : 3074), 'bytes were left over');
};

const checkEntries = async (bytes: Uint8Array) => {
  const files = await unpack(gzipSync(bytes, { level: 1 }), 'mutated');
  const total = [...files.values()].reduce((sum, file) => sum + file.length, 0);
  ensure(total <= bytes.length, 'the files have more bytes than the archive');
};

const checkSafetensors = (bytes: Uint8Array) => {
  const { tensors, metadata } = parseSafetensors(bytes, 'mutated');
  for (const tensor of tensors.values()) {
    if (tensor.dtype.startsWith('F8') || tensor.dtype === 'F64') continue;
    ensure(toFloat32(tensor).length === tensor.data.length, 'float32 has another number of elements');
  }
  ensure(
    Object.values(metadata).every((value) => typeof value === 'string'),
    'metadata are no strings',
  );
  for (const { shape, data } of tensors.values()) {
    ensure(
      shape.every((size) => Number.isSafeInteger(size) && size >= 0),
      'a shape is no shape',
    );
    ensure(data.length === shape.reduce((product, size) => product * size, 1), 'data and shape disagree');
    ensure(data.byteLength <= bytes.length, 'there is more data than the file has');
  }
};

const checkArray = ({ shape, data }: FileArray) => {
  ensure(
    shape.every((size) => Number.isSafeInteger(size) && size >= 0),
    'a shape is no shape',
  );
  ensure(data.length === shape.reduce((product, size) => product * size, 1), 'data and shape disagree');
};

const idxSeeds = [
  idxBytes([2, 3, 4], Buffer.alloc(24, 7)),
  idxBytes([3], Buffer.of(1, 2, 3)),
  idxBytes([2, 2, 2, 3], Buffer.alloc(24)),
];
const npySeeds = [
  npyBytes({ shape: [2, 3, 4], data: Buffer.alloc(24, 7) }),
  npyBytes({ shape: [2, 3, 2], data: Buffer.alloc(48), descr: '>f4', fortran: true, version: 2 }),
  npyBytes({ shape: [2], data: Buffer.from('a\0\0\0b\0\0\0'), descr: '<U1', version: 3 }),
  npyBytes({ shape: [3], data: Buffer.alloc(24), descr: '<i8' }),
];
const zipSeeds = [
  zipBytes({ 'x.npy': npySeeds[0]!, 'y.npy': npySeeds[3]! }),
  zipBytes({ 'a.txt': Buffer.from('abc'), b: Buffer.alloc(0) }, { deflate: false }),
];

const checkTarIndex = async (bytes: Uint8Array) => {
  const reader = new GzipReader(Readable.from([gzipSync(bytes, { level: 1 })]), 'mutated');
  const content = async ({ size }: { size: number }, read: () => Promise<Uint8Array>) => {
    if (size < 2 ** 20) ensure((await read()).length === size, 'the content is cut off');
  };
  try {
    for await (const { at, size } of tarEntries(reader, 'mutated', content))
      ensure(at % 512 === 0 && at + size <= bytes.length, 'a file lies outside of the archive');
  } finally {
    reader.close();
  }
};

/** Headers of a PNG, a GIF, and a JPEG with a segment before its frame, each of 300x200 pixels. */
const pictureSeeds = [
  Buffer.from('89504e470d0a1a0a0000000d49484452000000c80000012c0802000000', 'hex'),
  Buffer.from('474946383961c8002c0180', 'hex'),
  Buffer.from('ffd8ffe000064a464946ffc0000b08012c00c8010111', 'hex'),
];

const checkPictureSize = (bytes: Uint8Array) => {
  const size = sizeInHeader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  // What no header says, the decoder is asked.
  if (!size) throw new SaturnnError('ERR_DATA', 'it has another format');
  ensure(
    size.every((side) => Number.isInteger(side) && side >= 0),
    'a side is no number',
  );
};

const checkZip = (bytes: Uint8Array) => {
  const files = parseBytes(bytes, (size) => zipParser(size, 'mutated'));
  for (const file of files.values()) ensure(file.length <= 1032 * bytes.length + 1032, 'a file is too large');
};

/** Writes the right checksum into half of the headers of a tar archive. */
function sealHeaders(bytes: Buffer, random: FuzzRandom): Buffer {
  for (let at = 0; at + 512 <= bytes.length; ) {
    const header = bytes.subarray(at, at + 512);
    if (random.integer(2)) seal(header);
    const size = Number.parseInt(header.toString('latin1', 124, 135), 8);
    at += 512 + (size > 0 ? Math.ceil(size / 512) * 512 : 0);
  }
  return bytes;
}

/**
 * Writes the right length of the JSON header into half of the safetensors files. Replaces every 64th file by one whose
 * header is JSON but not of the right form.
 */
function fitHeader(bytes: Buffer, random: FuzzRandom): Buffer {
  if (random.integer(64) === 0) {
    return safetensorsSeed(random.pick([null, 1, '', [], [1], { a: null }, { __metadata__: null }]), 4);
  }
  const end = bytes.lastIndexOf('}');
  if (end < 8 || random.integer(2)) return bytes;
  bytes.writeBigUInt64LE(BigInt(end + 1 - 8));
  return bytes;
}

/** Makes a safetensors file with these entries as its header. */
function safetensorsSeed(entries: unknown, dataBytes: number): Buffer {
  const header = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(dataBytes, 0x3f)]);
}

const tensorSeeds = [
  safetensorsSeed(
    {
      __metadata__: { model: 'small', width: '1' },
      'a/weight': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
      'a/bias': { dtype: 'F32', shape: [3], data_offsets: [24, 36] },
    },
    36,
  ),
  safetensorsSeed(
    {
      scalar: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
      none: { dtype: 'F32', shape: [0], data_offsets: [4, 4] },
    },
    4,
  ),
  safetensorsSeed(
    {
      half: { dtype: 'F16', shape: [2], data_offsets: [0, 4] },
      brain: { dtype: 'BF16', shape: [1, 2], data_offsets: [4, 8] },
      count: { dtype: 'I64', shape: [], data_offsets: [8, 16] },
      mask: { dtype: 'BOOL', shape: [3], data_offsets: [16, 19] },
      eight: { dtype: 'F8_E5M2', shape: [1], data_offsets: [19, 20] },
    },
    20,
  ),
  safetensorsSeed({}, 0),
];

const pytorchSeeds = [
  safetensorsSeed(
    {
      'stem.conv1.conv.weight': { dtype: 'F32', shape: [2, 3, 1, 1], data_offsets: [0, 24] },
      'stem.conv1.bn.weight': { dtype: 'F16', shape: [2], data_offsets: [24, 28] },
      'stem.conv1.bn.num_batches_tracked': { dtype: 'I64', shape: [], data_offsets: [28, 36] },
      'fc.weight': { dtype: 'BF16', shape: [1, 2, 1, 1], data_offsets: [36, 40] },
    },
    40,
  ),
  safetensorsSeed({ 'module.fc.weight': { dtype: 'F64', shape: [1, 2], data_offsets: [0, 16] } }, 16),
];

const indexSeeds = [
  { metadata: { total_size: 24 }, weight_map: { a: 'm-1-of-2.safetensors', 'b.weight': 'm-2-of-2.safetensors' } },
  { weight_map: {} },
  { weight_map: { a: 'pytorch_model.bin' } },
].map((index) => Buffer.from(JSON.stringify(index)));

const checkIndex = (bytes: Uint8Array) => {
  const { fileOf, files } = parseShardIndex(Buffer.from(bytes).toString('utf8'), 'mutated');
  ensure(
    files.every((file) => !/[\\/\0]/.test(file)),
    'a file may lie in another folder',
  );
  ensure(
    [...fileOf.values()].every((file) => files.includes(file)),
    'a file is missing',
  );
};

const checkpointSeeds = [0, 9].map((size) =>
  Buffer.concat(
    encodeCheckpoint({
      info: { saturnn: '0.1.0', settings: { batch: 4 }, position: { step: 3 } } as unknown as CheckpointInfo,
      arrays: new Map([
        ['parameters', new Uint8Array(size).fill(63)],
        ['buffers', new Uint8Array(8)],
      ]),
    }),
  ),
);

/** Writes the right digest at the end of half of the checkpoints. One in 32 is as it was: few others are ever accepted. */
function sealCheckpoint(bytes: Buffer, random: FuzzRandom): Buffer {
  if (random.integer(32) === 0) return random.pick(checkpointSeeds);
  if (bytes.length < 32 || random.integer(2)) return bytes;
  createHash('sha256')
    .update(bytes.subarray(0, -32))
    .digest()
    .copy(bytes, bytes.length - 32);
  return bytes;
}

const checkCheckpoint = (bytes: Uint8Array) => {
  const { arrays } = decodeCheckpoint(bytes, 'mutated');
  for (const array of arrays.values()) ensure(array.byteLength <= bytes.length, 'there is more data than the file has');
};

/** Settings as `saturnn train` writes them into config.json. */
const configSeeds = [
  {
    model: 'subInception',
    given: { '--data': 'generated', '--width': '0.1', '--model': 'subInception', '--seed': '7' },
  },
  {
    given: {
      '--epochs': '3',
      '--activation': 'leakyTanh:0.25',
      '--no-verify': true,
      '--limit': '40',
      '--scale': '0.5',
    },
  },
  { given: {} },
].map((config) => Buffer.from(JSON.stringify(config, null, 2)));

const checkConfig = (bytes: Uint8Array) => {
  const { options } = parseSettings<Record<string, unknown>>(bytes, 'mutated', {}, withOptions);
  ensure(typeof options.width === 'number' && options.width > 0, 'the width is no width');
  ensure(Number.isSafeInteger(options.seed), 'the seed is no integer');
};

const hundred = tar('cifar-100-binary', cifar100Files(1, 1));
const tars = [
  hundred,
  tar('cifar-10-batches-bin', cifar10Files(1)),
  Buffer.concat([
    tarEntry('x', Buffer.from('21 mtime=1.5\n'), { type: 'x' }),
    tarEntry('a.txt', Buffer.from('abc')),
    endOfTar,
  ]),
  Buffer.concat([
    tarEntry('x', Buffer.from('23 path=long/name/of/b\n13 size=1024\n'), { type: 'x' }),
    tarEntry('b', Buffer.alloc(1024, 7)),
    tarEntry('././@LongLink', Buffer.from('another/long/name\0'), { type: 'L' }),
    tarEntry('c', Buffer.from('abc')),
    endOfTar,
  ]),
];

/** Weights of a convolution with its normalisation and of a linear layer, for which mutated files and maps are searched. */
const wanted = [
  ...['weight', 'scale', 'shift', 'runningMean', 'runningVariance'].map((part) => ({
    name: `stem/conv1/${part}`,
    shape: part === 'weight' ? [2, 1, 1, 3] : [2],
  })),
  { name: 'fc/weight', shape: [1, 2] },
];

const mapSeeds = [
  {
    rules: [
      { saturnn: 'stem/*/weight', pytorch: 'a.*.kernel' },
      { saturnn: null, pytorch: '**.unused' },
    ],
  },
  { rules: [{ saturnn: '**', pytorch: 'model.**', layout: 'same' }] },
  { rules: [{ saturnn: 'fc/weight', pytorch: 'fc.weight', layout: 'flattened 2x1x1' }] },
].map((map) => Buffer.from(JSON.stringify(map)));

const checkFit = ({ matches, report }: Fit) => {
  const { fitted, missing, misfitting } = report;
  ensure(fitted.length + missing.length + misfitting.length === wanted.length, 'a weight is lost');
  ensure(new Set(fitted.map(({ from }) => from)).size === matches.length, 'two weights have one tensor');
  ensure(problemsOf(report).join().length < 10_000, 'the report is too long');
};

const checkMap = (bytes: Uint8Array) => {
  const rules = parseWeightMap(Buffer.from(bytes).toString('utf8'), 'mutated');
  checkFit(fitWeights(wanted, new Map([['a.conv1.kernel', { shape: [2, 3, 1, 1], dtype: 'F32' }]]), rules));
};

const checkPyTorch = (bytes: Uint8Array) => {
  const { tensors } = parseSafetensors(bytes, 'mutated');
  const fit = fitWeights(wanted, tensors);
  checkFit(fit);
  for (const match of fit.matches) {
    const values = valuesOf({ read: (name) => tensors.get(name)! }, match);
    ensure(values.length === match.weight.shape.reduce((product, size) => product * size, 1), 'a weight is cut off');
  }
};

export const targets: readonly Target[] = [
  { name: 'CIFAR-10 records', seeds: [records('cifar10', 1), records('cifar10', 2)], read: readRecords('cifar10') },
  { name: 'CIFAR-100 records', seeds: [records('cifar100', 1), records('cifar100', 2)], read: readRecords('cifar100') },
  { name: 'coarse labels', seeds: [records('cifar100', 1)], read: readRecords('cifar100', 'coarse') },
  {
    name: 'class names',
    seeds: [lines(10, 'class'), Buffer.from('a\r\nb\r\n')],
    read: (bytes) => ensure(readNames(bytes, 'mutated', 10).length === 10, 'there are not ten names'),
  },
  { name: 'headers of pictures', seeds: pictureSeeds, read: checkPictureSize },
  { name: 'tar', seeds: tars, finish: sealHeaders, read: checkEntries },
  { name: 'gzip', seeds: [gzipSync(tars[2]!), gzipSync(hundred)], read: (bytes) => unpack(bytes, 'mutated') },
  {
    name: 'CIFAR archive',
    seeds: tars,
    finish: (bytes, random) => gzipSync(sealHeaders(bytes, random), { level: 1 }),
    read: async (bytes) => {
      const { train, test } = await cifarFromArchive(bytes, 'mutated');
      checkDataset(train);
      checkDataset(test);
    },
  },
  { name: 'safetensors', seeds: tensorSeeds, finish: fitHeader, read: checkSafetensors },
  { name: 'weights of PyTorch', seeds: pytorchSeeds, finish: fitHeader, read: checkPyTorch },
  { name: 'map of weights', seeds: mapSeeds, read: checkMap },
  { name: 'index of safetensors files', seeds: indexSeeds, read: checkIndex },
  { name: 'IDX', seeds: idxSeeds, read: (bytes) => checkArray(parseIdx(bytes, 'mutated')) },
  {
    name: 'packed IDX',
    seeds: idxSeeds,
    finish: (bytes) => gzipSync(bytes, { level: 1 }),
    read: async (bytes) => checkArray(await unpackIdx(Readable.from([bytes]), 'mutated')),
  },
  { name: 'tar index', seeds: tars, finish: sealHeaders, read: checkTarIndex },
  { name: 'npy', seeds: npySeeds, read: (bytes) => checkArray(parseNpy(bytes, 'mutated')) },
  { name: 'npz', seeds: zipSeeds, read: checkZip },
  { name: 'config.json', seeds: configSeeds, read: checkConfig },
  { name: 'graph of a model', seeds: graphSeeds, finish: changeGraph, read: checkGraph },
  { name: 'checkpoint', seeds: checkpointSeeds, finish: sealCheckpoint, read: checkCheckpoint },
];

/** Returns a short digest by which a report names an input. */
export const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
