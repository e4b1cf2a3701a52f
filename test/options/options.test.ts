/** Strict options: the helper, and what users see. */
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { conv2d, input, layers, linear, maxPool, tanh } from '../../lib';
import {
  arrayOf,
  callback,
  flag,
  integer,
  numberWithin,
  oneOf,
  optional,
  orNull,
  signal,
  text,
} from '../../lib/options/field';
import { editDistance, nearestName } from '../../lib/options/nearest';
import { Options } from '../../lib/options/options';

interface Inner {
  everyEpochs?: number;
}
interface Example {
  rate: number;
  learningRate?: number;
  kind?: 'a' | 'b';
  verbose?: boolean;
  names?: readonly string[];
  inner?: Inner;
  limit?: number | null;
  signal?: AbortSignal;
  onEpoch?: () => void;
}
const inner = new Options<Inner>('inner()', { everyEpochs: optional(integer(1)) });
const example = new Options<Example>('example()', {
  rate: numberWithin({ least: 0, most: 1, open: 'most' }),
  learningRate: optional(numberWithin({ least: 0 })),
  kind: optional(oneOf(['a', 'b'])),
  verbose: optional(flag),
  names: optional(arrayOf(text)),
  inner: optional(inner.nested()),
  limit: optional(orNull(integer(0))),
  signal: optional(signal),
  onEpoch: optional(callback()),
});

const refused = (message: string | RegExp) =>
  expect.objectContaining({
    code: 'ERR_INVALID_ARGUMENT',
    message: typeof message === 'string' ? message : expect.stringMatching(message),
  });

describe('options', () => {
  it('are copied, with what is not given left out', () => {
    const names = ['x'];
    const given = { rate: 0.5, names, limit: null };
    const taken = example.check(given);
    expect(taken).toEqual(given);
    expect(taken.names).not.toBe(names);
  });

  it.each([
    [{ rate: 0, lr: 1 }, 'example() has no option "lr": did you mean "learningRate"?'],
    [{ rate: 0, learning_rate: 1 }, 'example() has no option "learning_rate": did you mean "learningRate"?'],
    [{ rate: 0, vebrose: true }, 'example() has no option "vebrose": did you mean "verbose"?'],
    [{ rate: 0, onEpochEnd: () => {} }, 'example() has no option "onEpochEnd": did you mean "onEpoch"?'],
    [{ rate: 0, toString: 1 }, /has no option "toString": its options are rate, learningRate/],
    [{ rate: 0, inner: { everyEpoch: 1 } }, 'inner() has no option "everyEpoch": did you mean "everyEpochs"?'],
    [{}, 'Expected a number of at least 0 and less than 1 for rate but received nothing'],
    [{ rate: undefined }, 'Expected a number of at least 0 and less than 1 for rate but received nothing'],
    [{ rate: '0.5' }, 'Expected a number of at least 0 and less than 1 for rate but received "0.5"'],
    [{ rate: 1 }, /for rate but received 1$/],
    [{ rate: NaN }, /for rate but received NaN$/],
    [{ rate: 0, kind: 'c' }, 'Expected a or b for kind but received "c"'],
    [{ rate: 0, verbose: 1 }, 'Expected true or false for verbose but received 1'],
    [{ rate: 0, verbose: null }, 'Expected true or false for verbose but received null'],
    [{ rate: 0, names: ['x', 2] }, 'Expected a string for names[1] but received 2'],
    [{ rate: 0, names: new Array(2) }, 'Expected a string for names[0] but received nothing'],
    [{ rate: 0, names: 'x' }, /an array, each element a string for names but received "x"/],
    [{ rate: 0, inner: { everyEpochs: 0 } }, 'Expected an integer of at least 1 for inner.everyEpochs but received 0'],
    [{ rate: 0, inner: 5 }, 'Expected an object { everyEpochs } for inner but received 5'],
    [{ rate: 0, signal: {} }, 'Expected an AbortSignal for signal but received Object'],
  ])('that are wrong are refused: %o', (given, message) => {
    expect(() => example.check(given)).toThrow(refused(message));
  });

  it.each([3, 'cpu', null, true, [], () => {}, new Map(), new Float32Array(2), new Date(), Symbol('x'), 1n])(
    'are no %o',
    (given) => {
      expect(() => example.check(given)).toThrow(refused(/^Expected an object \{ rate, .* for options of example\(\)/));
    },
  );

  it('that cannot be read are refused, with the reason', () => {
    const cause = new Error('no');
    const given = Object.defineProperty({}, 'rate', {
      enumerable: true,
      get: () => {
        throw cause;
      },
    });
    expect(() => example.check(given)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', cause }));
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(() => example.check(proxy)).toThrow(refused(/^The options of example\(\) cannot be read/));
  });

  it('may come from another realm, or have no prototype', () => {
    expect(example.check(runInNewContext('({ rate: 0, names: ["x"] })'))).toEqual({ rate: 0, names: ['x'] });
    expect(example.check(Object.assign(Object.create(null), { rate: 0 }))).toEqual({ rate: 0 });
  });
});

describe('the nearest name', () => {
  it('counts an exchange of neighbours as one edit', () => {
    expect(editDistance('stirde', 'stride')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('is a synonym, if the function has it', () => {
    expect(nearestName('batch_size', ['batch'])).toBe('batch');
    expect(nearestName('lr', ['peak'])).toBe('peak');
    expect(nearestName('lr', ['folder'])).toBeNull();
    expect(nearestName('x'.repeat(1e6), ['folder'])).toBeNull();
  });
});

describe('the order of arguments in PyTorch', () => {
  const x = input('x', [2, 8, 8, 3]);
  const weight = input('w', [4, 3, 3, 3], { image: false });
  const bias = input('b', [4]);

  it('is refused, with the way to give a bias', () => {
    expect(() => conv2d(x, weight, bias as never)).toThrow(
      refused(/for options of conv2d\(\) but received Tensor: a bias is given by name, as \{ bias \}$/),
    );
    const features = input('f', [2, 3]);
    expect(() => linear(features, input('v', [4, 3]), bias as never)).toThrow(refused(/as \{ bias \}$/));
    expect(() => maxPool(x, 2 as never)).toThrow(refused(/for options of maxPool\(\) but received 2$/));
    expect(() => conv2d(x, weight, { pad: 1 } as never)).toThrow(
      refused('conv2d() has no option "pad": did you mean "padding"?'),
    );
    expect(() => new layers.Conv2d({ name: 'c', inputs: 3, outputs: 0, kernel: 3, activation: tanh() })).toThrow(
      refused('Expected an integer of at least 1 for outputs of c but received 0'),
    );
  });
});
