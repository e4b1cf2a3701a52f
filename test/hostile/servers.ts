/** Servers that do everything that a server should not do, one behaviour each. Imports no test framework. */
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** A request as a server sees it. */
export interface Asked {
  readonly socket: Socket;
  /** Number of the request, from 0. */
  readonly number: number;
  /** First byte that is asked for; null if the request has no range. */
  readonly from: number | null;
}

export interface HostileServer {
  readonly name: string;
  /** True: in spite of all, the file comes whole. Otherwise the download must end with an error. */
  readonly whole?: boolean;
  readonly answer: (asked: Asked) => void;
}

/** The file that the servers pretend to have. */
export const content = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251));

const length = `Content-Length: ${content.length}\r\n`;
const head = (status: string, headers = '') => `HTTP/1.1 ${status}\r\n${headers}\r\n`;

/** Writes text or bytes, and leaves the connection open. */
const say =
  (...parts: (string | Uint8Array)[]) =>
  ({ socket }: Asked) => {
    for (const part of parts) socket.write(part);
  };

/** Writes text or bytes, and closes the connection. */
const close =
  (...parts: (string | Uint8Array)[]) =>
  (asked: Asked) => {
    say(...parts)(asked);
    asked.socket.end();
  };

/** Writes `first`, and then `again` for as long as the client takes it. */
const endless =
  (first: string, again: string | Uint8Array) =>
  ({ socket }: Asked) => {
    socket.write(first);
    const more = () => {
      while (!socket.destroyed && socket.write(again));
    };
    socket.on('drain', more);
    more();
  };

/** Writes `first`, and then one byte now and then. */
const trickle =
  (first: string, byte = 'x') =>
  ({ socket }: Asked) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(byte), 10);
    socket.on('close', () => clearInterval(timer));
  };

const redirect = (to: string) => close(head('302 Found', `Location: ${to}\r\nContent-Length: 0\r\n`));

/** Sends the first 100 bytes and breaks off; later requests get another answer. */
const breaksThen =
  (later: (asked: Asked) => void) =>
  (asked: Asked): void => {
    if (asked.number > 0) {
      later(asked);
      return;
    }
    asked.socket.write(head('200 OK', `ETag: "v1"\r\n${length}`));
    asked.socket.write(content.subarray(0, 100));
    setTimeout(() => asked.socket.destroy(), 30);
  };

const partial = (from: number, bytes: Uint8Array, range = `bytes ${from}-${content.length - 1}/${content.length}`) =>
  close(head('206 Partial Content', `Content-Range: ${range}\r\nContent-Length: ${bytes.length}\r\n`), bytes);

/**
 * Answers as a good server does. A connection that breaks may take the bytes with it that a busy client has not read yet: then the
 * client asks for the whole file again.
 */
const theRest = (asked: Asked): void => {
  const { from } = asked;
  const answer = from === null ? close(head('200 OK', length), content) : partial(from, content.subarray(from));
  answer(asked);
};

/** Makes an interim answer long: a connection holds fewer of them, each of which the client must read before it can give up. */
const filler = `X: ${'x'.repeat(1000)}\r\n`;
const zeros = Buffer.alloc(2 ** 16);
const chunk = Buffer.concat([Buffer.from('10000\r\n'), zeros, Buffer.from('\r\n')]);
const other = Buffer.from(content).fill(0, 1000, 1100);
const chunked = 'Transfer-Encoding: chunked\r\n';

export const servers: readonly HostileServer[] = [
  { name: 'says nothing', answer: () => {} },
  { name: 'closes at once', answer: close() },
  { name: 'breaks off at once', answer: ({ socket }) => socket.resetAndDestroy() },
  { name: 'half a status line', answer: say('HTTP/1.1 20') },
  { name: 'no HTTP', answer: close('SSH-2.0-OpenSSH_9.2\r\n') },
  { name: 'zeros without end', answer: endless('', zeros) },
  { name: 'a status line without end', answer: endless('HTTP/1.1 200 ', 'O'.repeat(1000)) },
  { name: 'a header without end', answer: endless('HTTP/1.1 200 OK\r\nX: ', 'x'.repeat(1000)) },
  { name: 'headers without end', answer: endless('HTTP/1.1 200 OK\r\n', 'X: y\r\n'.repeat(100)) },
  { name: 'headers that trickle', answer: trickle('HTTP/1.1 200 OK\r\nX: ') },
  { name: '100 Continue without end', answer: endless('', head('100 Continue', filler)) },
  { name: 'early hints without end', answer: endless('', head('103 Early Hints', filler)) },
  { name: 'another protocol', answer: close(head('101 Switching Protocols', 'Upgrade: x\r\nConnection: Upgrade\r\n')) },
  { name: 'a redirect to itself', answer: redirect('/file.tar.gz') },
  { name: 'a redirect to ever new names', answer: (asked) => redirect(`/${asked.number}`)(asked) },
  { name: 'a redirect to a file', answer: redirect('file:///etc/passwd') },
  { name: 'a redirect to data', answer: redirect('data:text/plain,abc') },
  { name: 'a redirect to ftp', answer: redirect('ftp://127.0.0.1/x') },
  { name: 'a redirect to no address', answer: redirect('http://[::x') },
  { name: 'a redirect to nowhere', answer: close(head('302 Found', 'Content-Length: 0\r\n')) },
  { name: 'no content', answer: close(head('204 No Content')) },
  { name: 'an empty file', answer: close(head('200 OK', 'Content-Length: 0\r\n')) },
  { name: '404 with a page without end', answer: endless(head('404 Not Found', chunked), chunk) },
  { name: '500', answer: close(head('500 Internal Server Error', 'Content-Length: 0\r\n')) },
  { name: '503 that trickles', answer: trickle(head('503 Service Unavailable', length)) },
  { name: 'a status that is none', answer: close(head('000 What', length)) },
  { name: 'control characters in the status', answer: close(head('404 \x1b[31mred\x07', 'Content-Length: 0\r\n')) },
  { name: 'a file that is cut off', answer: close(head('200 OK', length), content.subarray(0, 1000)) },
  { name: 'a file that stops', answer: say(head('200 OK', length), content.subarray(0, 1000)) },
  { name: 'a file that trickles', answer: trickle(head('200 OK', length)) },
  { name: 'less than the length', answer: close(head('200 OK', 'Content-Length: 100\r\n'), content) },
  { name: 'a negative length', answer: close(head('200 OK', 'Content-Length: -1\r\n'), content) },
  { name: 'a length in words', answer: close(head('200 OK', 'Content-Length: many\r\n'), content) },
  { name: 'two lengths', answer: close(head('200 OK', `Content-Length: 5\r\n${length}`), content) },
  { name: 'a length of 2^60', answer: endless(head('200 OK', `Content-Length: ${2 ** 60}\r\n`), zeros) },
  { name: 'length and chunks', answer: close(head('200 OK', length + chunked), '5\r\nabcde\r\n0\r\n\r\n') },
  { name: 'a file without end', answer: endless(head('200 OK'), zeros) },
  { name: 'chunks without end', answer: endless(head('200 OK', chunked), chunk) },
  { name: 'a chunk of 2^64 bytes', answer: endless(head('200 OK', `${chunked}\r\nffffffffffffffff`), zeros) },
  { name: 'a chunk of no size', answer: close(head('200 OK', chunked), 'xyz\r\nabc\r\n') },
  { name: 'a chunk extension without end', answer: endless(`${head('200 OK', chunked)}5;x=`, 'y'.repeat(1000)) },
  { name: 'chunks that are cut off', answer: close(head('200 OK', chunked), '10000\r\n', zeros.subarray(0, 99)) },
  { name: 'trailers without end', answer: endless(`${head('200 OK', chunked)}0\r\n`, 'X: y\r\n'.repeat(100)) },
  {
    name: 'a gzip bomb as the encoding',
    answer: close(head('200 OK', 'Content-Encoding: gzip\r\n'), gzipSync(Buffer.alloc(2 ** 24))),
  },
  { name: 'an encoding that is none', answer: close(head('200 OK', 'Content-Encoding: br\r\n'), content) },
  { name: 'a range that nobody asked for', answer: partial(0, content) },
  { name: 'another range than asked for', answer: breaksThen(partial(50, content.subarray(50))) },
  { name: 'other bytes in the range', answer: breaksThen(partial(100, other.subarray(100))) },
  {
    name: 'a range of another size',
    answer: breaksThen(partial(100, content.subarray(100, 900), 'bytes 100-899/900')),
  },
  {
    name: 'a range without end',
    answer: breaksThen(endless(head('206 OK', 'Content-Range: bytes 100-*/*\r\n'), zeros)),
  },
  {
    name: 'parts in the range',
    answer: breaksThen(close(head('206 OK', 'Content-Type: multipart/byteranges; boundary=x\r\n'))),
  },
  {
    name: '416 for every range',
    answer: breaksThen(close(head('416 No', 'Content-Range: bytes */7\r\nContent-Length: 0\r\n'))),
  },
  { name: '416 that says nothing', answer: close(head('416 No', 'Content-Range: bytes x\r\nContent-Length: 0\r\n')) },
  { name: 'other bytes', answer: close(head('200 OK', length), other) },
  {
    name: 'a long ETag',
    answer: close(head('200 OK', `ETag: "${'v'.repeat(9000)}"\r\n${length}`), content.subarray(0, 5)),
  },
  {
    name: 'a hundred bytes at a time',
    answer: ({ socket, from }) => {
      const first = from ?? 0;
      const range = `Content-Range: bytes ${first}-${content.length - 1}/${content.length}\r\n`;
      const rest = `ETag: "v1"\r\nContent-Length: ${content.length - first}\r\n`;
      socket.write(head(first > 0 ? '206 Partial Content' : '200 OK', range + rest));
      socket.write(content.subarray(first, first + 100));
      setTimeout(() => socket.destroy(), 30);
    },
  },
  { name: 'HTTP/1.0 without a length', whole: true, answer: close('HTTP/1.0 200 OK\r\n\r\n', content) },
  { name: 'a file in two parts', whole: true, answer: breaksThen(theRest) },
];
