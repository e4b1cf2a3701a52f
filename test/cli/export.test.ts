/** `saturnn export`, as a user runs it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { program } from '../../lib/cli/program';
import { branchedModel } from '../models/networks';
import { hasOnnxRuntime, onnxPackages, saveDrawn } from '../onnx/support';
import { TestRandom } from '../random';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();
const [model, out] = [join(folder, 'model.safetensors'), join(folder, 'net.onnx')];
const make = () => saveDrawn(model, branchedModel(), new TestRandom(1));
/** Without native code, and where onnxruntime is not found. */
const alone = { SATURNN_BINARY: '/nowhere', NODE_PATH: '' };

test('export writes a file without native code, and says that it is not checked', async () => {
  make();
  const written = await saturnn(['export', model, '--onnx', out], { env: alone });
  expect(written).toMatchObject({ code: 0, stderr: '' });
  expect(written.stdout).toMatch(
    /^written: .*net\.onnx \(0\.0 MB, \d+ nodes, opset 17\)\ninput: images, u8 \[N, 8, 8, 3\]\nnot checked: onnxruntime-node is not installed \(npm install onnxruntime-node\)\n$/,
  );
  const floats = ['export', model, '--onnx', out, '--float-input', '--dtype', 'f16', '--no-check'];
  const { stdout, code } = await saturnn(floats, { env: alone });
  expect(code).toBe(0);
  expect(stdout).toMatch(/\ninput: images, f32 \[N, 3, 8, 8\]\nnot checked: --no-check\n$/);
  const bytes = readFileSync(out).length;
  const { stdout: json } = await saturnn([...floats, '--json'], { env: alone });
  expect(JSON.parse(json)).toMatchObject({ out, bytes, opset: 17, check: null });
});

test('export says what is wrong', async () => {
  const none = join(folder, 'none.onnx');
  const refused = (...args: string[]) => expect(program().parseAsync(['export', ...args], { from: 'user' })).rejects;
  await refused(join(folder, 'none'), '--onnx', none).toMatchObject({
    code: 'ERR_DATA',
    message: expect.stringMatching(/^Cannot read /),
  });
  expect(existsSync(none)).toBe(false);
  await refused(model).toThrow(/--onnx/);
  await refused(model, '--onnx', none, '--dtype', 'bf16').toThrow(/--dtype.*f32, f16/);
});

const reason = hasOnnxRuntime ? '' : ' (NOT RUN: npm run setup:onnx installs onnxruntime)';
test.skipIf(!hasOnnxRuntime)(`export prints the largest difference to saturnn${reason}`, async () => {
  make();
  const checked = await saturnn(['export', model, '--onnx', out], { env: { NODE_PATH: onnxPackages } });
  expect(checked).toMatchObject({ code: 0, stderr: '' });
  expect(checked.stdout).toMatch(
    /\nchecked: onnxruntime-node \S+ computes the same logits for 3 images; largest difference \d\.\de-\d \(at most 0\.0001\)\n$/,
  );
});
