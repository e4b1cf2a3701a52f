/** A share of a training set that is evaluated in place of the test set, and data that are opened without a test set. */
import { expect, test } from 'vitest';
import { generated } from '../../lib/data/generated';
import { openSource } from '../../lib/data/openSource';
import { parseValidation, splitValidation } from '../../lib/data/validation';
import { describeSource } from '../../lib/train/checkpoint/checkpointInfo';

test('takes the same share of each class, the same each time, and says so', async () => {
  const { train } = generated({ train: 200, test: 10, classes: 4 });
  const split = (seed: number) => splitValidation(train, { share: 0.25, seed });
  const { train: rest, validation } = split(1);
  expect([rest.count, validation.count]).toEqual([150, 50]);
  for (const label of [0, 1, 2, 3]) {
    const [all, chosen] = [train, validation].map(({ labels }) => labels.filter((other) => other === label).length);
    expect(Math.abs(chosen! - all! / 4)).toBeLessThanOrEqual(1);
  }
  expect(await describeSource(validation)).toEqual(await describeSource(split(1).validation));
  expect(await describeSource(validation)).toMatchObject({ origin: { part: 'validation', share: 0.25, seed: 1 } });
  expect(await describeSource(rest)).toMatchObject({ count: 150, origin: { part: 'without validation' } });
  expect((await describeSource(split(2).validation)).content).not.toBe((await describeSource(validation)).content);
});

test('openSource() gives the part for validation in place of the test set, or no test set', async () => {
  const options = { data: 'generated', limit: 1000 };
  const whole = await openSource(options);
  const none = await openSource({ ...options, test: false });
  expect(none.test).toBeNull();
  expect(none.train.count).toBe(1000);
  const parts = await openSource({ ...options, validation: { share: 0.1, seed: 0 } });
  expect([parts.train.count, parts.test?.count]).toEqual([900, 100]);
  expect(parts.test).not.toEqual(whole.test);
  await expect(openSource({ ...options, limit: 9, validation: { share: 0.1, seed: 0 } })).rejects.toThrow(
    'at least two images',
  );
});

test('is read from text', () => {
  expect(parseValidation('0.1')).toEqual({ share: 0.1, seed: 0 });
  expect(parseValidation('0.25:7')).toEqual({ share: 0.25, seed: 7 });
  for (const wrong of ['', '0', '1', '-0.1', 'x', '0.1:', '0.1:-1', '0.1:1.5', '0.1:1:2'])
    expect(() => parseValidation(wrong), wrong).toThrow(/a share above 0 and below 1, for validation/);
});
