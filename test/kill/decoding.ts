/**
 * Kills `saturnn data show` at random moments while it decodes a folder of pictures, starts it again until it ends, and compares its cache with
 * one that was made without a kill. Then pictures change, and the same is done while the cache is brought up to date.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { ImageFolder } from '../../lib';
import { readIndex } from '../../lib/data/pictures/cacheIndex';
import { imageFolder } from '../../lib/data/pictures/imageFolder';
import { Philox } from '../../lib/random';
import { packageRoot } from '../../lib/runtime/locate';
import { drawClasses, drawShape, put, shapes } from '../data/pictures/draw';

export interface DecodingKillOptions {
  /** An empty folder. */
  folder: string;
  /** Least number of processes to kill. */
  kills: number;
  /** Seed of the moments. */
  seed: number;
  /** Pictures of each of five classes. */
  perClass: number;
  /** Called with a line of text for every kill and every round. */
  log?: (line: string) => void;
}

export interface DecodingKillReport {
  readonly kills: number;
  /** Number of kills that left a journal. */
  readonly whileDecoding: number;
  /** Number of caches that were completed and compared. */
  readonly rounds: number;
  readonly faults: readonly string[];
}

/** Height and width of the images: large enough for several parts of records. */
const size = 160;

export async function killDecoding(options: DecodingKillOptions): Promise<DecodingKillReport> {
  const { folder, kills, seed, perClass, log = () => {} } = options;
  const random = new Philox(seed, 0);
  const photos = join(folder, 'photos');
  const names = await drawClasses(photos, perClass);
  const count = { kills: 0, whileDecoding: 0, rounds: 0 };
  const faults: string[] = [];
  let milliseconds = 1500;
  for (; count.kills < kills || count.rounds % 2 === 1; count.rounds++) {
    // Every second round brings the cache of the round before up to date.
    const cacheDir = join(folder, `cache-${count.rounds >> 1}`);
    if (count.rounds % 2 === 1) await changePictures(photos, names, random);
    for (let isDone = false; !isDone; ) {
      const mayKill = count.kills < kills;
      const moment = mayKill ? (0.2 + 0.8 * random.uniform()) * milliseconds : null;
      isDone = (await show(photos, cacheDir, moment)) === 'done';
      // Other work on the machine changes the duration.
      milliseconds *= isDone ? 0.8 : 1.1;
      if (isDone) continue;
      count.kills++;
      const left = filesOf(cacheDir);
      if (left.includes('journal.jsonl')) count.whileDecoding++;
      faults.push(...halfFaults(cacheDir, count.rounds % 2 === 1 && left.includes('index.json')));
      log(`${count.kills} kills, after ${moment?.toFixed(0)} ms: ${left.join(', ') || 'nothing'}`);
    }
    const found = await differences(photos, cacheDir, join(folder, `whole-${count.rounds}`));
    faults.push(...found);
    log(`round ${count.rounds + 1}: ${found.join('; ') || 'equal'}`);
  }
  return { ...count, faults };
}

/** Runs the command; kills it after some time. */
async function show(photos: string, cacheDir: string, killAfter: number | null): Promise<'done' | 'killed'> {
  const main = join(packageRoot(), 'dist', 'cli', 'main.js');
  const args = ['data', 'show', photos, '--size', `${size}`, '--cache-dir', cacheDir, '--json'];
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let message = '';
  child.stderr.on('data', (text) => {
    message += text;
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  if (killAfter !== null) {
    await Promise.race([setTimeout(killAfter), ended]);
    child.kill('SIGKILL');
  }
  const [code, signal] = await ended;
  if (signal === 'SIGKILL') return 'killed';
  if (code === 0) return 'done';
  throw new Error(`saturnn data show ended with ${code}: ${message}`);
}

/** Returns the names of the files in the only cache of a folder. */
function filesOf(cacheDir: string): string[] {
  try {
    return readdirSync(join(cacheDir, readdirSync(cacheDir)[0]!)).sort();
  } catch {
    return [];
  }
}

/** After a kill there is no index, or one that is whole: the one from before, or the new one. */
function halfFaults(cacheDir: string, hadIndex: boolean): string[] {
  if (!hadIndex) return [];
  const cache = join(cacheDir, readdirSync(cacheDir)[0]!);
  return readIndex(cache) ? [] : ['the index is damaged'];
}

/** Replaces a third of the pictures by others. */
async function changePictures(photos: string, names: readonly string[], random: Philox): Promise<void> {
  for (const [index, name] of names.entries()) {
    if (index % 3 !== 0) continue;
    const shape = shapes.find((one) => name.startsWith(one))!;
    put(
      photos,
      name,
      await drawShape(shape, 1000 + Math.floor(1e6 * random.uniform()), name.endsWith('png') ? 'png' : 'jpeg'),
    );
  }
}

/** Compares a cache with a new one of the same pictures. It must be complete: nothing may be decoded. */
async function differences(photos: string, cacheDir: string, whole: string): Promise<string[]> {
  let decoded = 0;
  const onProgress = () => {
    decoded++;
  };
  const options = { size, testShare: 0, onBroken: 'skip' } as const;
  const found = await imageFolder(photos, { ...options, cacheDir, onProgress });
  const expected = await imageFolder(photos, { ...options, cacheDir: whole });
  return [
    ...(decoded > 0 ? ['the cache was not complete'] : []),
    ...(isEqual(found, expected) ? [] : ['the images differ']),
    ...(JSON.stringify(found.list()) === JSON.stringify(expected.list()) ? [] : ['the lists of pictures differ']),
  ];
}

/** Whether all images of two sources in memory are equal. */
function isEqual(a: ImageFolder, b: ImageFolder): boolean {
  const [one, other] = [a, b].map(({ train }) => (train as unknown as { images: Uint8Array }).images);
  return Buffer.compare(one!, other!) === 0;
}
