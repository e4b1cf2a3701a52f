/** examples/browser.html predicts in Chromium what saturnn predicts. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadPredictor } from '../../lib';
import { packageRoot } from '../../lib/runtime/locate';
import { branchedModel } from '../models/networks';
import { TestRandom } from '../random';
import { browser, describeInBrowser } from '../report/browser';
import { temporaryFolder } from '../temporary';
import { onnxPackages, saveDrawn } from './support';

import sharp = require('sharp');

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const [model, picture] = [path('runs/photos/best.safetensors'), path('picture.png')];
const root = packageRoot();
const isMissing = !existsSync(join(onnxPackages, 'onnxruntime-web')) && process.env.SATURNN_INSTALL !== 'required';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Serves the files of the folder, to this machine only. */
function serve(): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const file = path(url.slice(1));
    if (url === '/favicon.ico' || !existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
    return void response.end(readFileSync(file));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Types the commands of docs/export.md, "In a web page", for a network that takes the place of the trained one. */
async function prepare(): Promise<void> {
  const classNames = Array.from({ length: 10 }, (_, index) => `kind ${index}`);
  const decoding = { fit: 'crop', background: [255, 255, 255] } as const;
  mkdirSync(dirname(model), { recursive: true });
  saveDrawn(model, branchedModel(), new TestRandom(1), { classNames, imageShape: [12, 10, 3], decoding });
  const page = readFileSync(join(root, 'docs/export.md'), 'utf8');
  const [, commands] = /^## In a web page\n[\s\S]*?^```sh\n([\s\S]*?)^```/m.exec(page)!;
  // Both packages are there already: the command is dist/, and what npm would install is linked.
  symlinkSync(onnxPackages, path('node_modules'));
  const present = `npx() { shift; node '${join(root, 'dist/cli/main.js')}' "$@"; }; npm() { :; }`;
  execFileSync('bash', ['-euc', `${present}\n${commands}`], { cwd: folder, env: { ...process.env, NODE_PATH: '' } });
  copyFileSync(join(root, 'examples/browser.html'), path('browser.html'));
  const random = new TestRandom(2);
  const pixels = Uint8Array.from({ length: 12 * 10 * 3 }, () => random.integer(256));
  await sharp(pixels, { raw: { height: 12, width: 10, channels: 3 } })
    .png()
    .toFile(picture);
}

const name = 'a network in a web page';
if (isMissing) test.skip(`${name} (NOT RUN: npm run setup:onnx installs onnxruntime-web)`);
else
  describeInBrowser(name, () => {
    let server: Server;
    beforeAll(async () => {
      await prepare();
      server = await serve();
    });
    afterAll(() => server.close());

    test('predicts what saturnn does', async () => {
      const page = await (await browser()).newPage();
      const problems: string[] = [];
      page.on('console', (message) => problems.push(message.text()));
      page.on('pageerror', (error) => problems.push(error.message));
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/browser.html`);
      await page.locator('input:enabled').setInputFiles(picture);
      await page.locator('li').first().waitFor();
      const shown = await page.locator('li').allTextContents();
      expect(problems).toEqual([]);

      using predictor = await loadPredictor(model, { device: 'cpu' });
      const [prediction] = await predictor.predictFiles(picture, { top: 5 });
      const expected = prediction!.guesses.map(({ name, probability }) => [name, 100 * probability] as const);
      expect(shown.map((text) => text.split(': ')[0])).toEqual(expected.map(([guess]) => guess));
      shown.forEach((text, index) => {
        expect(Number.parseFloat(text.split(': ')[1]!)).toBeCloseTo(expected[index]![1], 2);
      });
    });
  });
