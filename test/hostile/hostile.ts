/**
 * Downloads from every hostile server. Each download must end in time, with the whole file or with a SaturnnError, and leave no more
 * on the disk than is allowed. Imports no test framework.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { download } from '../../lib/data/download';
import { SaturnnError } from '../../lib/errors';
import { content, type HostileServer } from './servers';

/** The result of a download. */
export interface HostileOutcome {
  readonly server: string;
  /** "whole", or the code of the error. */
  readonly outcome: string;
  readonly message: string;
  readonly milliseconds: number;
}

/** Longest time of a download in milliseconds, far above what it takes even on a busy machine. */
const timeBound = 20_000;

/** Most bytes that the file may have, and that may stay on the disk. */
const mostBytes = 2 ** 20;

const md5 = createHash('md5').update(content).digest('hex');

/** Downloads from one server. @throws Error that says what was wrong */
export async function meet({ name, whole = false, answer }: HostileServer): Promise<HostileOutcome> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (!text.endsWith('\r\n\r\n')) return;
      const range = /^range: bytes=(\d+)-/im.exec(text)?.[1];
      text = '';
      answer({ socket, number: requests++, from: range === undefined ? null : Number(range) });
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const folder = mkdtempSync(join(tmpdir(), 'saturnn-hostile-'));
  const path = join(folder, 'file');
  const fail = (what: string) => new Error(`The server "${name}": ${what}`);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.tar.gz`;
  const before = performance.now();
  let outcome = 'whole';
  let message = '';
  try {
    // A server that is not malicious gets all the time that it needs.
    const patience = whole ? timeBound : 200;
    await download({ url, path, md5, mostBytes, patience, leastBytes: 1000, retries: 2, retryDelay: 1 });
    if (!readFileSync(path).equals(content)) throw fail('the file is another one');
  } catch (error) {
    if (!(error instanceof SaturnnError))
      throw fail(error instanceof Error ? `${error.name}: ${error.message}` : `${error}`);
    outcome = error.code;
    message = error.message;
    if (existsSync(path)) throw fail('a file is there in spite of an error');
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
  const milliseconds = performance.now() - before;
  const left = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  rmSync(folder, { recursive: true });
  if (left > mostBytes) throw fail(`${left} bytes are left`);
  if (milliseconds > timeBound) throw fail(`the download took ${milliseconds.toFixed(0)} ms`);
  if (message.length > 1000) throw fail(`the message has ${message.length} characters`);
  if (whole !== (outcome === 'whole')) throw fail(`the download ended with ${outcome} ${message}`);
  return { server: name, outcome, message, milliseconds };
}
