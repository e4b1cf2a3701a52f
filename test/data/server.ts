/** A local file server for tests of downloads, which can imitate the behaviour of different servers, also bad behaviour. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Behaviour {
  content: Buffer;
  /** The ETag header; null sends none. */
  etag?: string | null;
  lastModified?: string | null;
  /** Whether ranges are supported; if not, every answer is the whole file. */
  ranges?: boolean;
  /** Whether answers have no Content-Length. */
  chunked?: boolean;
  /** Numbers of bytes after which the first answers break off, in order; later answers are complete. */
  breaks?: number[];
  /** Answers every request with this status and without a file. */
  status?: number;
  /** Size in bytes of the pieces in which the body is sent, with a pause after each. */
  pieces?: number;
}

export interface Request {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly sent: number;
}

export class FileServer {
  /** Requests in order, with the number of bytes sent for each. */
  readonly requests: Request[] = [];
  readonly #server = createServer((request, response) => this.#answer(request, response));

  constructor(public behaviour: Behaviour) {}

  async listen(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/file.tar.gz`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const {
      content,
      etag = '"v1"',
      lastModified = null,
      ranges = true,
      chunked,
      breaks,
      status,
      pieces,
    } = this.behaviour;
    const { range, 'if-range': ifRange } = request.headers;
    const log = (sent: number) => this.requests.push({ range, ifRange: ifRange as string | undefined, sent });
    if (request.url === '/moved') {
      response.writeHead(302, { Location: '/file.tar.gz' }).end();
      return;
    }
    if (status) {
      log(0);
      response.writeHead(status).end('<html>no file</html>');
      return;
    }
    if (etag) response.setHeader('ETag', etag);
    if (lastModified) response.setHeader('Last-Modified', lastModified);
    const first = this.#firstByte(range, ifRange as string | undefined, etag ?? lastModified, ranges);
    if (first >= content.length) {
      log(0);
      response.writeHead(416, { 'Content-Range': `bytes */${content.length}` }).end();
      return;
    }
    const body = content.subarray(first);
    if (!chunked) response.setHeader('Content-Length', body.length);
    if (first > 0) response.setHeader('Content-Range', `bytes ${first}-${content.length - 1}/${content.length}`);
    response.writeHead(first > 0 ? 206 : 200);
    const cut = breaks?.shift();
    const sent = body.subarray(0, cut);
    log(sent.length);
    for (let at = 0; at < sent.length; at += pieces ?? sent.length) {
      await new Promise((done) => response.write(sent.subarray(at, at + (pieces ?? sent.length)), done));
      if (pieces) await new Promise((done) => setTimeout(done, 5));
    }
    if (cut === undefined) response.end();
    // Waits before closing, so that the bytes sent so far arrive: a reset discards those that are still in a buffer.
    else setTimeout(() => response.destroy(), 50);
  }

  #firstByte(range: string | undefined, ifRange: string | undefined, version: string | null, ranges: boolean): number {
    const matches = ranges && range && (ifRange === undefined || ifRange === version);
    return matches ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
  }
}
