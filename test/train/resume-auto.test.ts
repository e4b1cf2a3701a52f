/** Resuming with "auto" in a folder that another process has used until now. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { constantRate } from '../../lib/optim/schedule';
import { runTraining } from '../../lib/train/training';
import { temporaryFolder } from '../temporary';
import { cpu, smallData } from './support';
import { tinyModel } from './tinyModel';

const folder = temporaryFolder();
const beforeLock = vi.hoisted(() => ({ act: () => {} }));
vi.mock('../../lib/files/lock', async (original) => {
  const lock = await original<typeof import('../../lib/files/lock')>();
  const lockFolder: typeof lock.lockFolder = (...args) => {
    beforeLock.act();
    return lock.lockFolder(...args);
  };
  return { ...lock, lockFolder };
});

test('a run that another process ends just before the folder is locked is continued, not begun anew', async () => {
  const begun: number[] = [];
  const train = (name: string) =>
    runTraining({
      ...{ folder: join(folder, name), resume: 'auto', device: cpu(), model: tinyModel(), ...smallData(40, 20) },
      ...{ batch: 16, schedule: constantRate(0.01), length: { totalEpochs: 2 } },
      watch: ({ done }) => {
        begun.push(done);
        return {};
      },
    });
  await train('first');
  beforeLock.act = () => cpSync(join(folder, 'first'), join(folder, 'second'), { recursive: true });
  await train('second');
  expect(begun).toEqual([0, 6]);
});
