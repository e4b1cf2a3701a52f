import { expect, test } from 'vitest';
import { meet } from './hostile';
import { servers } from './servers';

test('there are forty of them, and each has its own name', () => {
  expect(new Set(servers.map(({ name }) => name)).size).toBe(servers.length);
  expect(servers.length).toBeGreaterThanOrEqual(40);
});

test.concurrent.each(servers)('$name', async (server) => {
  const { outcome } = await meet(server);
  expect(outcome).toMatch(server.whole ? /^whole$/ : /^ERR_(DOWNLOAD|DATA)$/);
});
