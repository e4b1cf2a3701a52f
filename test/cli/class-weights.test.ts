/** --class-weights and --balance: what they mean, and what a resumed run makes of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { classWeightsFrom, parseClassWeights } from '../../lib/cli/options/classWeights';
import { temporaryFolder } from '../temporary';
import { saturnn } from './support';

const folder = temporaryFolder();

test('--class-weights takes none, balanced or numbers', () => {
  expect(parseClassWeights('none')).toBe('none');
  expect(parseClassWeights('balanced')).toBe('balanced');
  expect(parseClassWeights('1, 0.5,3')).toEqual([1, 0.5, 3]);
  expect(() => parseClassWeights('1,-2')).toThrow('for classWeights[1] but received -2');
  expect(() => parseClassWeights('even')).toThrow('for classWeights[0] but received NaN');
  expect(classWeightsFrom({ classWeights: 'none' })).toBeUndefined();
  expect(classWeightsFrom({ classWeights: [1, 2] })).toEqual([1, 2]);
  expect(classWeightsFrom({ classWeights: 'none', balance: true })).toBe('balanced');
  expect(() => classWeightsFrom({ classWeights: [1, 2], balance: true })).toThrow('does not apply beside --balance');
});

test('a run records its class weights, and changes them only if it is asked to', async () => {
  const out = join(folder, 'run');
  const train = ['train', '--device', 'cpu', '--width', '0.05', '--batch', '16', '--limit', '32', '--out', out];
  expect(await saturnn([...train, '--balance', '--epochs', '1'])).toMatchObject({ code: 0, stderr: '' });
  const config = () => JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  expect(config()).toMatchObject({ classWeights: 'balanced', given: { '--balance': true } });
  const resume = ['train', '--out', out, '--resume', '--epochs', '2', '--class-weights', 'none'];
  expect((await saturnn(resume)).stderr).toMatch(
    /classWeights is balanced there and absent here\. --resume --change goes on with the new value\n$/,
  );
  const changed = await saturnn([...resume, '--change']);
  expect(changed.stderr).toBe('');
  expect(changed.stdout).toContain('changed after step 2: classWeights "balanced" -> null');
  expect(config().given).not.toHaveProperty('--balance');
});
