/**
 * Downloads one file over HTTP. Its bytes go to NAME.part, where a later attempt continues; the file gets its name only when it
 * is complete and its md5 is right.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { checkInteger, invalid, isError, type Range, SaturnnError } from '../errors';
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
}

/** Limits of DownloadOptions.retries. */
export const retriesRange: Range = [0, 100];

/** A failure after which a new connection may succeed. */
class Broken extends Error {}

/**
 * Downloads a file.
 * @throws ERR_DOWNLOAD if there is no connection, the server does not answer with the file, or the connection breaks too often
 * (NAME.part is kept, so the next attempt can continue there); ERR_DATA if the md5 is wrong (nothing is kept); ERR_OUTPUT if the
 * file cannot be written; ERR_INVALID_ARGUMENT
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
    return this.size > 0 && existsSync(this.#version) ? readFileSync(this.#version, 'utf8') : null;
  }

  /** Starts again with an empty file. */
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

/** Makes one connection and writes what it gives. @throws Broken if another connection may succeed */
async function transfer(part: PartialFile, { url, onProgress, signal }: DownloadOptions): Promise<void> {
  const begun = part.size;
  const { version } = part;
  // The server sends the rest only if its file is still that version. Otherwise, or without support of ranges, it sends all.
  const resume: Record<string, string> = version === null ? {} : { Range: `bytes=${begun}-`, 'If-Range': version };
  const headers = { 'Accept-Encoding': 'identity', ...resume };
  const response = await fetch(url, { headers, signal }).catch((error) => {
    signal?.throwIfAborted();
    throw new Broken(reasonOf(error), { cause: error });
  });
  const { status } = response;
  if (status === 416) {
    // The server has no bytes after ours: the file was complete but not renamed, or ours is not a part of it. The md5 tells.
    await response.body?.cancel();
    if (totalOf(response) === begun) return;
    part.remove();
    throw new Broken(`the ${begun} bytes of an earlier attempt are not a part of this file`);
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
  if (total !== null && part.size !== total)
    throw new Broken(`the connection ended after ${part.size} of ${total} bytes`);
}

async function write(
  part: PartialFile,
  resumed: boolean,
  response: Response,
  onProgress: (done: number) => void,
): Promise<void> {
  const { headers } = response;
  const tag = headers.get('etag');
  // A weak ETag (W/"...") does not promise equal bytes.
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

/** First byte of a partial answer, from "bytes 100-199/200"; NaN if there is none. */
const firstOf = ({ headers }: Response): number =>
  Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1] ?? Number.NaN);

/** Size of the whole file, from the answer to a refused range, "bytes *\/200"; NaN if there is none. */
const totalOf = ({ headers }: Response): number =>
  Number(/^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? Number.NaN);

/** Returns the message of an error's cause: that of fetch() itself is only "fetch failed". */
function reasonOf(error: Error): string {
  const { cause } = error;
  return isError(cause) && cause.message ? cause.message : error.message;
}

function givenUp(url: string, part: PartialFile, error: Error): SaturnnError {
  const kept = part.version === null ? '' : `; ${part.size} bytes are kept, and the next attempt continues from there`;
  return new SaturnnError('ERR_DOWNLOAD', `Cannot download ${url}: ${error.message}${kept}`, { cause: error });
}

const unwritable = ({ path }: PartialFile, error: Error): SaturnnError =>
  new SaturnnError('ERR_OUTPUT', `Cannot write ${path}: ${error.message}`, { cause: error });
