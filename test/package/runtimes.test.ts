/** The published packages under Bun and Deno: they load, train and draw. `npm run setup:node` fetches both. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/runtime/locate';
import { temporaryFolder } from '../temporary';
import { installPackages, isRequired, packedPackages, whyNotPacked } from './packed';

const temporary = temporaryFolder();
const runtimes = { bun: [], deno: ['run', '--allow-all'] } as const;
type Runtime = keyof typeof runtimes;
const names = Object.keys(runtimes) as Runtime[];
const pathOf = (name: Runtime) => join(packageRoot(), 'out/node', name, 'bin', name);

const absent = names.filter((name) => !existsSync(pathOf(name)));
const reason =
  whyNotPacked() ?? (absent.length > 0 ? `${absent.join(', ')} not in out/node: npm run setup:node` : undefined);

const body = `
  const { train, test } = generated({ train: 32, test: 16 });
  const model = inception33({ width: 0.1, activation: leakyTanh(0.25) });
  const trainer = new Trainer({ model, train, test, batch: 16, learningRate: 0.01, device: 'cpu' });
  for await (const event of trainer.fit({ epochs: 1 })) {
    if (event.event === 'epoch') console.log(event.step, Number.isFinite(event.trainLoss), event.complete);
  }
  trainer.dispose();
  console.log(chartSvg({ id: 'a', title: 'A', x: { label: 'x' }, y: { label: 'y' }, series: [] }).length > 100);`;

const used = '{ Trainer, chartSvg, generated, inception33, leakyTanh }';
const programs = {
  'program.cjs': `const ${used} = require('saturnn'); (async () => {${body}})();`,
  'program.mjs': `import ${used} from 'saturnn'; ${body}`,
};
const files = Object.keys(programs) as (keyof typeof programs)[];

describe.skipIf(reason !== undefined && !isRequired)(`other runtimes${reason ? ` (${reason})` : ''}`, () => {
  let app: string;
  beforeAll(() => {
    if (reason !== undefined) throw new Error(reason);
    app = installPackages(packedPackages(), join(temporary, 'app'));
    for (const file of files) writeFileSync(join(app, file), programs[file]);
  });

  it.each(names.flatMap((name) => files.map((file) => [name, file] as const)))('%s runs %s', (name, file) => {
    const { SATURNN_BINARY: _, ...env } = process.env;
    const args = [...runtimes[name], join(app, file)];
    const { status, stdout, stderr } = spawnSync(pathOf(name), args, { encoding: 'utf8', env });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '2 true true\ntrue\n', stderr: '' });
  });
});
