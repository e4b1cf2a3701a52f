/**
 * Downloads one file over HTTP, within limits of size and time. Its bytes go to NAME.part, where a later attempt continues; the file
 * gets its name only when it is complete and its md5 is right.
 */
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { checkInteger, invalid, isError, type Range, reasonOf, SaturnnError } from '../errors';
import { readWhole } from '../files/read';
import { requireSpace } from '../files/space';
import { checkMd5, md5Of } from './archive';

/** Options of download(). */
export interface DownloadOptions {
  /** Address of the file, http or https. Redirects are followed. */
  url: string;
  /** The file to write. */
  path: string;
  /** Expected md5 sum of the whole file, as lower-case hex. */
  md5: string;
  /** Is called after every piece with the bytes so far and the size of the file (null if the server does not say it). */
  onProgress?: (done: number, total: number | null) => void;
  /** Aborts the download: the promise is rejected with the signal's reason. The bytes in NAME.part are kept. */
  signal?: AbortSignal;
  /** The number of retries after a lost connection or a server error (5xx): 0 to 100, default 3. */
  retries?: number;
  /** Milliseconds before the first retry; each further delay is twice the one before. Default 1000. */
  retryDelay?: number;
  /** Most bytes that the file may have. Default 1 GiB; the archives of CIFAR have 170 MB. */
  mostBytes?: number;
  /**
   * Milliseconds within which the server must answer, and in each of which it must send `leastBytes`, or the connection counts as
   * broken. Default 60,000.
   */
  patience?: number;
  /** Least bytes per `patience`. Default 65,536: about 1 kB/s. */
  leastBytes?: number;
}

/** Limits of DownloadOptions.retries. */
export const retriesRange: Range = [0, 100];

const defaultPatience = 60_000;
const defaultLeastBytes = 2 ** 16;
const defaultMostBytes = 2 ** 30;

/** A failure after which a new connection may succeed. */
class Broken extends Error {}

/**
 * Downloads a file.
 * @throws ERR_DOWNLOAD if there is no connection, the server does not answer with the file, sends more than `mostBytes`, or the
 * connection breaks or is slow too often (NAME.part is then kept, so the next attempt can continue there); ERR_DATA if the md5 is
 * wrong (nothing is kept); ERR_OUTPUT if the file cannot be written; ERR_INVALID_ARGUMENT
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { url, path, md5, retries = 3, retryDelay = 1000, signal } = options;
  if (!/^https?:$/.test(parseUrl(url).protocol)) throw invalid('url', 'an address with http or https', url);
  checkInteger('retries', retries, ...retriesRange);
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

/** Most characters of an ETag or date that is kept. */
const longestVersion = 1024;
/** The characters of an ETag or date: visible ones and spaces. */
const isHeaderValue = /^[\x20-\x7e]+$/;

/** The files NAME.part (the bytes so far) and NAME.part.version (the ETag or date of the version that they belong to). */
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

  /** ETag or date of the version that the bytes belong to. Null: not known, so the rest cannot be requested safely. */
  get version(): string | null {
    if (this.size === 0) return null;
    try {
      const version = readWhole(this.#version, longestVersion).toString('latin1');
      return isHeaderValue.test(version) ? version : null;
    } catch {
      return null;
    }
  }

  /** Starts again with an empty file. */
  async create(version: string | null): Promise<FileHandle> {
    this.remove();
    if (version !== null && version.length <= longestVersion) writeFileSync(this.#version, version, { flag: 'wx' });
    return open(this.path, 'wx');
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

/** Removes what earlier attempts to download a file have left: its bytes so far, and the version that they belong to. */
export const removePartial = (path: string): void => new PartialFile(path).remove();

/** Watches one connection: aborts it when the user does, and when too few bytes come. */
class Watch {
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Bytes since the timer has looked last. */
  #bytes = 0;
  readonly signal: AbortSignal;

  constructor({ signal, patience = defaultPatience, leastBytes = defaultLeastBytes }: DownloadOptions) {
    this.signal = signal ? AbortSignal.any([signal, this.#abort.signal]) : this.#abort.signal;
    this.#timer = setInterval(() => {
      if (this.#bytes < leastBytes) {
        this.#abort.abort(new Broken(`the server has sent ${this.#bytes} bytes in ${patience / 1000} s`));
      }
      this.#bytes = 0;
    }, patience);
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Why the connection has failed: that it was slow, or else what fetch() says. */
  reasonOf(error: unknown): Broken {
    const { reason } = this.#abort.signal;
    if (reason instanceof Broken) return reason;
    return new Broken(causeOf(error as Error), { cause: error });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Makes one connection and writes what it gives. @throws Broken if another connection may succeed */
async function transfer(part: PartialFile, options: DownloadOptions): Promise<void> {
  const { url, signal } = options;
  using watch = new Watch(options);
  const begun = part.size;
  const { version } = part;
  // The server sends the rest only if its file is still that version. Otherwise, or without support of ranges, it sends all.
  const resume: Record<string, string> = version === null ? {} : { Range: `bytes=${begun}-`, 'If-Range': version };
  const headers = { 'Accept-Encoding': 'identity', ...resume };
  const response = await fetch(url, { headers, signal: watch.signal }).catch((error) => {
    signal?.throwIfAborted();
    throw watch.reasonOf(error);
  });
  if (response.status === 416) {
    // The server has no bytes after ours: the file was complete but not renamed, or ours is not a part of it. The md5 tells.
    cancel(response);
    if (totalOf(response) === begun) return;
    part.remove();
    throw new Broken(`the ${begun} bytes of an earlier attempt are not a part of this file`);
  }
  const resumed = response.status === 206 && version !== null && firstOf(response) === begun;
  try {
    checkAnswer(response, resumed, url);
    await write(part, response, { resumed, watch, options });
  } catch (error) {
    cancel(response);
    signal?.throwIfAborted();
    throw error;
  }
}

/** Ends the connection. What it says to that is of no interest. */
const cancel = ({ body }: Response): void => void body?.cancel().catch(() => {});

/** @throws Broken for an error of the server, ERR_DOWNLOAD for any other answer that is not the file */
function checkAnswer({ status, statusText, headers }: Response, resumed: boolean, url: string): void {
  if (status !== 200 && !resumed) {
    const message = `${url} answered ${status} ${statusText}`.trimEnd();
    throw status >= 500 ? new Broken(message) : new SaturnnError('ERR_DOWNLOAD', `Cannot download: ${message}`);
  }
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity') {
    const message = `Cannot download: ${url} answered in the encoding ${encoding}, which was not asked for`;
    throw new SaturnnError('ERR_DOWNLOAD', message);
  }
}

/** Writes the bytes of an answer to the file. */
async function write(
  part: PartialFile,
  response: Response,
  { resumed, watch, options }: { resumed: boolean; watch: Watch; options: DownloadOptions },
): Promise<void> {
  const { url, onProgress, mostBytes = defaultMostBytes } = options;
  const { headers } = response;
  const tooMany = (what: string) =>
    new SaturnnError(
      'ERR_DOWNLOAD',
      `Cannot download ${url}: it has ${what}, more than the ${mostBytes} that are accepted`,
    );
  let done = resumed ? part.size : 0;
  const length = Number(headers.get('content-length') ?? Number.NaN);
  const total = Number.isNaN(length) ? null : done + length;
  if (total !== null && total > mostBytes) throw tooMany(`${total} bytes`);
  if (total !== null) requireSpace(dirname(part.path), [{ path: part.path, bytes: total }], 0);
  const tag = headers.get('etag');
  // A weak ETag (W/"...") does not promise equal bytes.
  const version = tag?.startsWith('"') ? tag : headers.get('last-modified');
  const orUnwritable = (error: Error) => {
    throw unwritable(part, error);
  };
  const file = await (resumed ? part.append() : part.create(version)).catch(orUnwritable);
  try {
    const chunks = response.body?.[Symbol.asyncIterator]();
    for (;;) {
      const next = await chunks?.next().catch((error) => {
        throw watch.reasonOf(error);
      });
      if (!next || next.done) break;
      done += next.value.length;
      if (done > mostBytes) {
        part.remove();
        throw tooMany(`at least ${done} bytes`);
      }
      watch.count(next.value.length);
      await file.appendFile(next.value).catch(orUnwritable);
      onProgress?.(done, total);
    }
    await file.sync().catch(orUnwritable);
  } finally {
    await file.close();
  }
  if (total !== null && done !== total) throw new Broken(`the connection ended after ${done} of ${total} bytes`);
}

function parseUrl(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw invalid('url', 'an address with http or https', url);
  }
}

/** First byte of a partial answer, from "bytes 100-199/200"; NaN if there is none. */
const firstOf = ({ headers }: Response): number =>
  Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1] ?? Number.NaN);

/** Size of the whole file, from the answer to a refused range, "bytes *\/200"; NaN if there is none. */
const totalOf = ({ headers }: Response): number =>
  Number(/^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? Number.NaN);

/** Returns the message of an error's cause: that of fetch() itself is only "fetch failed". */
function causeOf(error: Error): string {
  const { cause } = error;
  return reasonOf(isError(cause) && cause.message ? cause : error);
}

function givenUp(url: string, part: PartialFile, error: Error): SaturnnError {
  const kept = part.version === null ? '' : `; ${part.size} bytes are kept, and the next attempt continues from there`;
  return new SaturnnError('ERR_DOWNLOAD', `Cannot download ${url}: ${error.message}${kept}`, { cause: error });
}

const unwritable = ({ path }: PartialFile, error: Error): SaturnnError =>
  new SaturnnError('ERR_OUTPUT', `Cannot write ${path}: ${reasonOf(error)}`, { cause: error });
