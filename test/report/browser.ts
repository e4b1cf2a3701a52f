/** Opens reports in a real browser that has no network. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { type Figure, faintTexts, figuresInPage, overflowing } from './inPage';

const programs = ['chromium-headless-shell', 'chromium', 'google-chrome'];

/** SATURNN_BROWSER: path of a browser, or "required", in which case one must be on PATH. */
const named = process.env.SATURNN_BROWSER ?? '';

function onPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(':');
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const program = named === '' || named === 'required' ? onPath() : named;

/** Defines tests that need a browser. They are skipped on hosts without one, unless SATURNN_BROWSER is set. */
export function describeInBrowser(name: string, tests: () => void): void {
  const missing = `neither SATURNN_BROWSER nor ${programs.join(', ')} on PATH`;
  if (program) describe(name, tests);
  else if (named === 'required') test(name, () => expect.fail(`no browser: ${missing}`));
  else describe.skip(`${name} (skipped: ${missing})`, tests);
}

let running: Promise<Browser> | undefined;
/** Starts the browser, or returns the one that runs. It ends after the last test of the file. */
export function browser(): Promise<Browser> {
  running ??= chromium.launch({ executablePath: program! });
  return running;
}
afterAll(async () => await (await running)?.close());

export interface View {
  readonly scheme?: 'light' | 'dark';
  /** Width of the window in pixels; default 1100. */
  readonly width?: number;
  /** Height of the window in pixels; default 900. */
  readonly height?: number;
  /** Whether the page may run scripts; default true. */
  readonly scripts?: boolean;
}

export interface OpenReport {
  readonly page: Page;
  /** Descriptions of errors, warnings, requests, faint texts and sideways scrolling; empty if there are none. */
  readonly problems: readonly string[];
  readonly figures: readonly Figure[];
  close(): Promise<void>;
}

/** Opens a report from its file, as a reader does, and looks for problems. */
export async function openReport(path: string, view: View = {}): Promise<OpenReport> {
  const { scheme = 'light', width = 1100, height = 900, scripts = true } = view;
  const context = await (await browser()).newContext({
    ...{ colorScheme: scheme, viewport: { width, height }, javaScriptEnabled: scripts, offline: true },
  });
  const page = await context.newPage();
  const url = pathToFileURL(path).href;
  const problems: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) problems.push(`request: ${request.url()}`);
  });
  await page.goto(url, { waitUntil: 'load' });
  problems.push(...(await page.evaluate(faintTexts)).map((text) => `faint: ${text}`));
  problems.push(...(await page.evaluate(overflowing)).map((text) => `sideways: ${text}`));
  return { page, problems, figures: await page.evaluate(figuresInPage), close: () => context.close() };
}
