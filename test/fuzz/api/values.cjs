/** Values of every kind, for the fuzzer of the API. Each is made anew, because calls may change what they are given. */
const { createContext, runInContext } = require('node:vm');

/** Code of the errors that the fuzzer's own getters and functions throw: they may pass through a call as they are. */
const own = 'ERR_FUZZ';
const fail = () => {
  throw Object.assign(new Error('thrown by the caller'), { code: own });
};

/** Returns numbers from 0 to below 1 that depend on the seed alone (mulberry32). */
function randomOf(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Another realm. All values share it, because making one takes longer than most calls. */
const realm = createContext();
/** Returns an array of holes. One that was once longer takes no memory for them, as `new Array(length)` would. */
const sparse = (length) => Object.assign(Object.assign([], { length: 2 ** 32 - 1 }), { length });

const trap = new Proxy({}, { get: () => fail });
const cyclic = (make) => {
  const value = make();
  value[0] = value;
  value.self = value;
  return value;
};
const detached = () => {
  const array = new Float32Array(8);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
};
const revoked = (target) => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
};

/** @param saturnn the exports of the package */
module.exports.valuesOf = (saturnn) => {
  const plain = [
    ...[undefined, null, true, false, 0, -0, 1, 2, 3, 7, -1, 0.5, 1e-300, 255, 1000, NaN, Infinity, -Infinity],
    ...[2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31), 1e308, 10n, -1n, Symbol('s'), Symbol.iterator],
    ...[
      '',
      'a',
      'cpu',
      'cpu:1',
      'cuda:7',
      'tanh',
      'f32',
      'all',
      '__proto__',
      'constructor',
      'toString',
      '0',
      '\0',
      '../x',
      '5',
    ],
  ].map((value) => () => value);
  return [
    ...plain,
    ...[() => 'x'.repeat(100_000), () => '9'.repeat(400), () => '\ud800', () => new String('cpu'), () => new Number(1)],
    ...[() => () => {}, () => fail, () => class Own {}, () => async () => fail(), () => function* () {}],
    ...[
      () => [],
      () => [1],
      () => [1, 2],
      () => [
        [1, 2],
        [3, 4],
      ],
      () => ['a'],
      () => [null],
      () => [undefined, 1],
      () => [NaN, -1],
    ],
    ...[
      () => new Array(3),
      () => sparse(1e6),
      () => Object.assign([], { length: 2 ** 32 - 1 }),
      () => cyclic(() => []),
    ],
    ...[
      () => ({}),
      () => Object.create(null),
      () => cyclic(() => ({})),
      () => ({ length: 3 }),
      () => ({ length: -1, 0: 1 }),
    ],
    ...[
      // biome-ignore lint/suspicious/noThenProperty: an object that is a promise by its looks is one of the values
      () => ({ then: fail }),
      () => ({ toString: fail, valueOf: fail }),
      () => ({ name: 'n' }),
      () => ({ shape: [1] }),
    ],
    ...[
      () => ({
        get shape() {
          return fail();
        },
      }),
      () => Object.defineProperty({}, 'a', { enumerable: true, get: fail }),
    ],
    ...[
      () => JSON.parse('{"__proto__":{"a":1}}'),
      () => new Proxy({}, {}),
      () => new Proxy([], {}),
      () => new Proxy({}, trap),
    ],
    ...[() => revoked({}), () => revoked([]), () => new Proxy(() => {}, trap), () => Object.freeze([1, 2])],
    ...[
      () => new Map([['a', 1]]),
      () => new Set([1]),
      () => new WeakMap(),
      () => new Date(NaN),
      () => /a/g,
      () => new Error('e'),
    ],
    ...[
      () => Promise.resolve(1),
      () => new ArrayBuffer(8),
      () => new SharedArrayBuffer(8),
      () => new DataView(new ArrayBuffer(8)),
    ],
    ...[
      () => new Float32Array(0),
      () => new Float32Array(12),
      () => Float32Array.of(NaN, Infinity),
      () => new Float32Array(1e5),
    ],
    ...[
      () => new Uint8Array(48),
      () => new Uint8ClampedArray(3),
      () => new Int32Array(2),
      () => Int32Array.of(-1, 2 ** 31 - 1),
    ],
    ...[
      () => new Float64Array(2),
      () => new BigInt64Array(2),
      () => Buffer.from('abc'),
      detached,
      () => new Float32Array(new SharedArrayBuffer(16)),
    ],
    ...[
      '({})',
      '[1, 2]',
      'new Float32Array(12)',
      'new Map()',
      '(() => {})',
      'new Error("e")',
      '/a/',
      'null',
      '({ steps: 1 })',
    ].map((source) => () => runInContext(source, realm)),
    () => AbortSignal.abort(Object.assign(new Error('enough'), { code: own })),
    ...[
      () => saturnn.input('x', [2, 3]),
      () => saturnn.input('x', [2, 6, 6, 3]),
      () => saturnn.constant([1]),
      () => saturnn.tanh(),
    ],
    ...[() => saturnn.openDevice('cpu', { threads: 1 }), () => new saturnn.Sgd(), () => saturnn.constantRate(1)],
    ...[
      () => ({ kind: 'rrelu', slope: 0.2, range: [1, NaN] }),
      () => ({ kind: 'tanh', slope: 'a' }),
      () => ({ kind: 'toString' }),
    ],
  ];
};

/** Changes one or more places of valid arguments: an argument, or something within one. */
function changed(args, values, random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const value = () => pick(values)();
  const into = (holder, key, depth) => {
    let inner;
    try {
      inner = holder[key];
    } catch {
      inner = undefined;
    }
    const isPlain =
      (Array.isArray(inner) && inner.length < 1000) ||
      (typeof inner === 'object' && inner !== null && Object.getPrototypeOf(inner) === Object.prototype);
    if (!isPlain || depth === 3 || random() < 0.35) {
      holder[key] = value();
      return;
    }
    const keys = Object.keys(inner);
    const what = random();
    const copy = Array.isArray(inner) ? [...inner] : { ...inner };
    holder[key] = copy;
    if (keys.length === 0 || what < 0.1) copy[pick(['extra', 'lr', 'name', '__proto__', 'length', 5])] = value();
    else if (what < 0.2) delete copy[pick(keys)];
    else into(copy, pick(keys), depth + 1);
  };
  const holder = [...args];
  if (random() < 0.15) holder.length = Math.floor(random() * (args.length + 1));
  if (random() < 0.1) holder.push(value());
  const times = random() < 0.8 ? 1 : 2;
  for (let time = 0; time < times && holder.length > 0; time++) {
    try {
      into(holder, Math.floor(random() * holder.length), 0);
    } catch {
      // A frozen array, or a length that none can have: the arguments stay as they are.
    }
  }
  return holder;
}

module.exports.own = own;
module.exports.randomOf = randomOf;
module.exports.changed = changed;
