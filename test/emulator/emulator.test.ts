/**
 * Tests of the emulator itself: it detects the faults that it should, and follows CUDA's rules strictly, so that no code
 * relies on more. Each case of test/emulator/cases runs in its own process.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emulatedFolder, isEmulated, notEmulated } from './support';

function run(name: string, order = 'forward', environment: Record<string, string> = {}): string {
  const child = spawnSync(join(emulatedFolder, 'emulator_cases'), [name], {
    encoding: 'utf8',
    env: { SATURNN_EMULATOR_ORDER: order, ...environment },
  });
  expect({ signal: child.signal, status: child.status, stderr: child.stderr }).toEqual({
    signal: null,
    status: 0,
    stderr: '',
  });
  return child.stdout.trim();
}

const orders = ['forward', 'reverse', '7'];

describe.skipIf(!isEmulated)(isEmulated ? 'the emulator' : notEmulated, () => {
  describe.each(orders)('threads in the order %s', (order) => {
    it.each([
      ['barrier', 'ok 2016.000000'],
      ['early exit', 'ok 40.000000'],
      ['warp sum', 'ok 46128.000000'],
      ['aligned', 'ok 10.000000'],
    ])('runs "%s"', (name, expected) => expect(run(name, order)).toBe(expected));

    it.each([
      ['race', /^ok -?nan$/],
      ['write after read', /^ok (?!2208\.)/],
      ['left in shared', /^ok -?nan$/],
      ['divergent barriers', /LaunchFailure: kernel divergentBarriers, block .*wait at different barriers, in lines/],
      [
        'barrier against shuffle',
        /LaunchFailure: kernel barrierAgainstShuffle.*48 threads wait at a barrier and 16 at/,
      ],
      ['partial mask', /LaunchFailure: kernel partialMask.*a shuffle with a partial mask/],
      [
        'misaligned',
        /LaunchFailure: kernel misaligned.*'struct float4'.*4 bytes beyond a multiple of 16, in kernels.cu/,
      ],
      ['beyond shared', /LaunchFailure: kernel beyondShared.*index 64 of 'float \[64\]', in kernels.cu/],
      ['beyond the allocation', /cudaFree: cudaErrorIllegalAddress/],
      ['too many threads', /shift failed: .*more than 1024 threads.*block \(1025, 1, 1\)/],
      ['grid too high', /writeAt failed: .*grid \(1, 65536, 1\)/],
    ])('finds "%s"', (name, expected) => expect(run(name, order)).toMatch(expected));
  });

  const refused = 'cudaErrorStreamCaptureUnsupported, then cudaErrorStreamCaptureInvalidated';

  it.each([
    ['asynchronous', '-1.000000, then 5.000000'],
    ['replay', '-1.000000, then 6.000000'],
    ['timed', 'cudaErrorNotReady, then cudaSuccess and some time'],
    ['two streams', '0.000000, then 5.000000'],
    ['copies', 'cudaErrorInvalidValue, cudaErrorInvalidValue, cudaSuccess'],
    ['unknown pointer', 'cudaErrorInvalidValue, cudaErrorInvalidValue'],
    ['captured launch', 'cudaSuccess, then cudaSuccess'],
    ['captured pinned copy', 'cudaSuccess, then cudaSuccess'],
    ['captured malloc', refused],
    ['captured wait', refused],
    ['captured pageable copy', refused],
    ['captured default stream', 'cudaErrorStreamCaptureImplicit, then cudaErrorStreamCaptureInvalidated'],
    ['relaxed malloc', 'cudaSuccess, then cudaSuccess'],
  ])('keeps the rules of streams: %s', (name, expected) => expect(run(name)).toBe(expected));

  it('has as much memory as it is told', () => {
    expect(run('out of memory', 'forward', { SATURNN_EMULATOR_MEMORY: '1000000' })).toBe(
      'cudaSuccess, cudaErrorMemoryAllocation, 300000 of 1000000 free, cudaSuccess',
    );
  });

  it('records an execution of cuDNN', () => expect(run('captured convolution')).toBe('0.000000, then 6.000000'));

  it.each([
    ['attribute missing', /^2000 attribute 901 was not set/],
    ['attribute type', /^2010 attribute 906 has another type/],
    ['overlapping strides', /^2000 .*overlap/],
    ['wrong output shape', /^2008 y of the convolution is \[1, 2, 1, 1\]/],
    ['duplicate id', /^2009 .*unique id 1/],
    ['unread virtual tensor', /^2000 nobody reads virtual tensor 3/],
    ['unknown engine', /^3000 engine 99/],
    ['misaligned tensor', /^2003 tensor 3 is not aligned to the 16 bytes/],
    ['tensor outside', /^5000 tensor 3, 4 bytes, is not within one allocation/],
    ['no workspace', /^2002 the plan needs a workspace/],
    ['workspace too small', /^2006 the workspace of 512 bytes/],
  ])('holds cuDNN graphs to the rules: %s', (name, expected) => expect(run(name)).toMatch(expected));
});
