/**
 * One file over HTTP, whole or not at all: it grows beside its place as NAME.part, goes on where an earlier attempt stopped,
 * and gets its name once it is complete and its md5 is right.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { checkInteger, invalid, SaturnnError } from '../errors';
import { checkMd5, md5Of } from './archive';

export interface DownloadOptions {
  /** http or https; redirects are followed. */
  url: string;
  path: string;
  /** Of the whole file. */
  md5: string;
  /** Called now and then; `total` is null if the server does not say. */
  onProgress?: (done: number, total: number | null) => void;
  signal?: AbortSignal;
  /** How often a connection that breaks is made anew; default 3. */
  retries?: number;
  /** Milliseconds before the first retry, doubled before each further one; default 1000. */
  retryDelay?: number;
}

/** A failure that a new connection may mend. */
class Broken extends Error {}

/**
 * @throws ERR_DOWNLOAD: no connection, an answer other than the file, or cut off (what came is kept, to go on from there);
 * ERR_DATA: wrong md5 (nothing is kept); ERR_OUTPUT; ERR_INVALID_ARGUMENT
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { url, path, md5, retries = 3, retryDelay = 1000, signal } = options;
  if (!/^https?:$/.test(parseUrl(url).protocol)) throw invalid('url', 'an address with http or https', url);
  checkInteger('retries', retries, 0, 100);
  const part = new PartialFile(path);
  for (let attempt = 0; ; attempt++) {
    try {
      await transfer(part, options);
      break;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Broken)) throw error;
      if (attempt === retries) throw givenUp(url, part, error);
      await setTimeout(retryDelay * 2 ** attempt, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
  try {
    checkMd5(url, await md5Of(part.path), md5);
  } catch (error) {
    part.remove();
    throw error;
  }
  part.finish();
}

/** NAME.part, and NAME.part.version: what the server called the version that it is a part of (an ETag or a date). */
class PartialFile {
  readonly path: string;
  readonly #final: string;
  readonly #version: string;

  constructor(path: string) {
    this.#final = path;
    this.path = `${path}.part`;
    this.#version = `${path}.part.version`;
  }

  get size(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Null: it cannot be known whether the rest would fit. */
  get version(): string | null {
    return this.size > 0 && existsSync(this.#version) ? readFileSync(this.#version, 'utf8') : null;
  }

  /** Begins anew. */
  async create(version: string | null): Promise<FileHandle> {
    this.remove();
    if (version !== null) writeFileSync(this.#version, version);
    return open(this.path, 'w');
  }

  append(): Promise<FileHandle> {
    return open(this.path, 'a');
  }

  remove(): void {
    rmSync(this.path, { force: true });
    rmSync(this.#version, { force: true });
  }

  finish(): void {
    renameSync(this.path, this.#final);
    rmSync(this.#version, { force: true });
  }
}

/** One connection. @throws Broken if another one may go on */
async function transfer(part: PartialFile, { url, onProgress, signal }: DownloadOptions): Promise<void> {
  const begun = part.size;
  const { version } = part;
  // The server sends the rest only if its file is still that version; else, or if it knows no ranges, it sends all.
  const resume: Record<string, string> = version === null ? {} : { Range: `bytes=${begun}-`, 'If-Range': version };
  const headers = { 'Accept-Encoding': 'identity', ...resume };
  const response = await fetch(url, { headers, signal }).catch((error) => {
    signal?.throwIfAborted();
    throw new Broken(reasonOf(error), { cause: error });
  });
  const { status } = response;
  if (status === 416) {
    // Nothing follows what is there: it was complete but not renamed, or it is no part of this file. The md5 tells.
    await response.body?.cancel();
    if (totalOf(response) === begun) return;
    part.remove();
    throw new Broken(`the ${begun} bytes of an earlier attempt are no part of it`);
  }
  const resumed = status === 206 && firstOf(response) === begun;
  if (status !== 200 && !resumed) {
    await response.body?.cancel();
    const message = `${url} answered ${status} ${response.statusText}`.trimEnd();
    throw status >= 500 ? new Broken(message) : new SaturnnError('ERR_DOWNLOAD', `Cannot download: ${message}`);
  }
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const first = resumed ? begun : 0;
  const total = Number.isNaN(length) ? null : first + length;
  await write(part, resumed, response, (done) => onProgress?.(first + done, total)).catch((error) => {
    signal?.throwIfAborted();
    throw error;
  });
  if (total !== null && part.size !== total) throw new Broken(`it ended after ${part.size} of ${total} bytes`);
}

async function write(
  part: PartialFile,
  resumed: boolean,
  response: Response,
  onProgress: (done: number) => void,
): Promise<void> {
  const { headers } = response;
  const tag = headers.get('etag');
  // A weak ETag (W/"...") promises nothing about bytes.
  const version = tag?.startsWith('"') ? tag : headers.get('last-modified');
  const file = await (resumed ? part.append() : part.create(version)).catch((error) => {
    throw unwritable(part, error);
  });
  try {
    const chunks = response.body?.[Symbol.asyncIterator]();
    for (let done = 0; chunks; ) {
      const next = await chunks.next().catch((error) => {
        throw new Broken(reasonOf(error), { cause: error });
      });
      if (next.done) break;
      await file.appendFile(next.value).catch(async (error) => {
        await chunks.return?.();
        throw unwritable(part, error);
      });
      done += next.value.length;
      onProgress(done);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

function parseUrl(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw invalid('url', 'an address with http or https', url);
  }
}

/** Where a partial answer begins: "bytes 100-199/200". */
const firstOf = ({ headers }: Response): number =>
  Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1] ?? Number.NaN);

/** The size of the whole, from a refused range: "bytes *\/200". */
const totalOf = ({ headers }: Response): number =>
  Number(/^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? Number.NaN);

/** fetch() says "fetch failed"; why stands in the cause. */
function reasonOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error && cause.message ? cause.message : error.message;
}

function givenUp(url: string, part: PartialFile, error: Error): SaturnnError {
  const kept = part.version === null ? '' : `; ${part.size} bytes are kept, and the next attempt goes on from there`;
  return new SaturnnError('ERR_DOWNLOAD', `Cannot download ${url}: ${error.message}${kept}`, { cause: error });
}

const unwritable = ({ path }: PartialFile, error: Error): SaturnnError =>
  new SaturnnError('ERR_OUTPUT', `Cannot write ${path}: ${error.message}`, { cause: error });
