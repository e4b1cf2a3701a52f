/** The next steps that `saturnn doctor` proposes, for each thing that may be missing. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ErrorCode } from '../lib/errors';
import type { BackendReport, PartReport } from '../lib/runtime/findings';
import { nextSteps } from '../lib/runtime/nextSteps';
import { version } from '../lib/version';

const there = (part: PartReport['part']): PartReport => ({ part, folder: '/somewhere' });
const without = (part: PartReport['part'], code: ErrorCode): PartReport => ({
  part,
  folder: null,
  problem: { code, message: code },
});
const backend = (name: BackendReport['backend'], ...codes: ErrorCode[]): BackendReport => ({
  backend: name,
  usable: codes.length === 0,
  missing: codes.map((code) => ({ code, message: code })),
  found: {},
});
const all = [there('saturnn.node'), there('libsaturnn_cpu.so'), there('libsaturnn_cuda.so')];
const commands = (found: Parameters<typeof nextSteps>[0]) => nextSteps(found).map(({ command }) => command);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the next steps', () => {
  it('are to train, where everything works', () => {
    const steps = nextSteps({ parts: all, backends: [backend('cpu'), backend('cuda')], device: 'cuda:0' });
    expect(steps).toEqual([{ purpose: 'train, on cuda:0', command: expect.stringMatching(/^npx saturnn train /) }]);
  });

  it('name each remedy for a GPU once, after what can be done already', () => {
    const cuda = backend('cuda', 'ERR_CUDA_UNAVAILABLE', 'ERR_CUDNN_NOT_FOUND', 'ERR_CUBLASLT_NOT_FOUND');
    const [train, driver, libraries, ...more] = commands({
      parts: all,
      backends: [backend('cpu'), cuda],
      device: 'cpu',
    });
    expect(train).toMatch(/^npx saturnn train/);
    expect(driver).toBe('nvidia-smi');
    expect(libraries).toMatch(/^pip install nvidia-cudnn-cu13/);
    expect(more).toEqual([]);
  });

  it('are to build, in a clone that has not built', () => {
    const parts = [
      without('saturnn.node', 'ERR_BINARY_NOT_FOUND'),
      there('libsaturnn_cpu.so'),
      there('libsaturnn_cuda.so'),
    ];
    expect(commands({ parts, backends: [], device: null })).toEqual(['npm run build:native']);
  });

  it('for a clone without the CUDA backend say that it is for a GPU', () => {
    const parts = [
      there('saturnn.node'),
      there('libsaturnn_cpu.so'),
      without('libsaturnn_cuda.so', 'ERR_BINARY_NOT_FOUND'),
    ];
    const [, step] = nextSteps({ parts, backends: [backend('cpu')], device: 'cpu' });
    expect(step).toEqual({
      purpose: 'for a GPU: the CUDA backend',
      command: 'npm run setup:cuda && npm run build:native',
    });
  });

  it('are to look elsewhere, where SATURNN_BINARY names a folder without them', () => {
    vi.stubEnv('SATURNN_BINARY', '/nowhere');
    const parts = all.map(({ part }) => without(part, 'ERR_BINARY_NOT_FOUND'));
    expect(commands({ parts, backends: [], device: null })).toEqual(['unset SATURNN_BINARY']);
  });

  it.each<[ErrorCode, string | undefined]>([
    ['ERR_BINARY_VERSION', `npm install saturnn@${version}`],
    ['ERR_UNSUPPORTED_PLATFORM', undefined],
  ])('for %s', (code, command) => {
    const parts = [without('saturnn.node', code)];
    expect(commands({ parts, backends: [], device: null })[0]).toBe(command);
  });

  it('are to build, where what is there does not load', () => {
    const backends = [backend('cpu', 'ERR_BINARY_NOT_LOADED'), backend('cuda', 'ERR_BINARY_NOT_LOADED')];
    expect(commands({ parts: all, backends, device: null })).toEqual(['npx saturnn build']);
  });
});
