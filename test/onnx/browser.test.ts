/** examples/browser.html predicts in Chromium what saturnn predicts. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportOnnx, loadPredictor } from '../../lib';
import { packageRoot } from '../../lib/runtime/locate';
import { saturnn } from '../cli/support';
import { branchedModel } from '../models/networks';
import { TestRandom } from '../random';
import { browser, describeInBrowser } from '../report/browser';
import { temporaryFolder } from '../temporary';
import { onnxPackages, saveDrawn } from './support';

import sharp = require('sharp');

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const [model, picture] = [path('model.safetensors'), path('picture.png')];
const runtime = join(onnxPackages, 'onnxruntime-web', 'dist');
const isMissing = !existsSync(runtime) && process.env.SATURNN_INSTALL !== 'required';

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

/** Does what the comment in the page says. */
async function prepare(): Promise<void> {
  const classNames = Array.from({ length: 10 }, (_, index) => `kind ${index}`);
  const imageShape = [12, 10, 3] as const;
  const decoding = { fit: 'crop', background: [255, 255, 255] } as const;
  saveDrawn(model, branchedModel(), new TestRandom(1), { classNames, imageShape, decoding });
  await exportOnnx(model, path('net.onnx'), { check: false });
  const { stdout } = await saturnn(['inspect', model, '--json'], { env: { SATURNN_BINARY: '/nowhere' } });
  writeFileSync(path('network.json'), stdout);
  for (const file of ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm'])
    copyFileSync(join(runtime, file), path(file));
  copyFileSync(join(packageRoot(), 'examples/browser.html'), path('browser.html'));
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
