import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acrBill, lighterBill, type Prices, type Usage } from '../../infra/cost/model.ts';

const prices: Prices = JSON.parse(
  readFileSync(new URL('../../infra/cost/prices.example.json', import.meta.url), 'utf8'),
);
const idle: Usage = {
  pulls: 0,
  pushes: 0,
  layersPerImage: 5,
  storedGiB: 0,
  egressGiB: 0,
  warmShare: 0,
  instanceGiB: 2,
  readyInstances: 0,
  requestMs: 100,
  logBytesPerRequest: 500,
};

test('an idle registry without content costs nothing, a tier of ACR its price', () => {
  expect(lighterBill(idle, prices).total).toBe(0);
  expect(acrBill('basic', idle, prices)?.total).toBeCloseTo(0.167 * 30.4);
  expect(acrBill('no such', idle, prices)).toBeUndefined();
});

test('content and traffic cost what they cost', () => {
  const bill = lighterBill({ ...idle, storedGiB: 1000, egressGiB: 200 }, prices);
  expect(bill.total).toBeCloseTo(1000 * prices.contentGiBMonth + 100 * prices.egressGiB);
});

test('an instance kept ready costs its memory all month and ends the free grant', () => {
  const used = { ...idle, pulls: 1000 };
  const ready = lighterBill({ ...used, readyInstances: 1 }, prices);
  const line = (what: string) => ready.lines.find((each) => each.what === what)?.amount;
  expect(line('instances kept ready')).toBeCloseTo(2 * 30.4 * 86_400 * prices.readyGbSecond);
  expect(line('executions')).toBeGreaterThan(0);
});

test('more of anything never costs less, and the total is the sum of its lines', () => {
  const amount = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(
    fc.property(amount, amount, amount, amount, (pulls, pushes, storedGiB, more) => {
      const usage = { ...idle, pulls, pushes, storedGiB };
      const bill = lighterBill(usage, prices);
      expect(bill.total).toBeCloseTo(bill.lines.reduce((sum, line) => sum + line.amount, 0));
      for (const name of ['pulls', 'pushes', 'storedGiB'] as const) {
        const grown = lighterBill({ ...usage, [name]: usage[name] + more }, prices);
        expect(grown.total).toBeGreaterThanOrEqual(bill.total);
      }
    }),
  );
});
