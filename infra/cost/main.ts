/** `npm run cost -- --pulls 100000 …`: a month's bill, beside that of ACR's tiers. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { acrBill, type Bill, lighterBill, type Prices, type Usage } from './model.ts';

const defaults: Usage = {
  pulls: 100_000,
  pushes: 1_000,
  layersPerImage: 5,
  storedGiB: 100,
  egressGiB: 0,
  warmShare: 0.5,
  instanceGiB: 2,
  readyInstances: 0,
  requestMs: 100,
  logBytesPerRequest: 500,
};

const options = {
  prices: {
    type: 'string',
    default: new URL('prices.example.json', import.meta.url).pathname,
  },
  ...Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' } as const])),
} as const;
const values = parsed();

const usage: Usage = {
  pulls: numberOf('pulls'),
  pushes: numberOf('pushes'),
  layersPerImage: numberOf('layersPerImage'),
  storedGiB: numberOf('storedGiB'),
  egressGiB: numberOf('egressGiB'),
  warmShare: numberOf('warmShare'),
  instanceGiB: numberOf('instanceGiB'),
  readyInstances: numberOf('readyInstances'),
  requestMs: numberOf('requestMs'),
  logBytesPerRequest: numberOf('logBytesPerRequest'),
};
const prices: Prices = readPrices(String(values.prices));

process.stdout.write(`A month of: ${describe()}\nPrices: ${prices.asOf}\n\n`);
print('Lighter', lighterBill(usage, prices));
for (const tier of Object.keys(prices.acr)) {
  const bill = acrBill(tier, usage, prices);
  if (bill !== undefined) print(`ACR ${tier}`, bill);
}

function parsed() {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function readPrices(file: string): Prices {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return refuse(`--prices ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function numberOf(name: keyof Usage): number {
  const given = Object.entries(values).find(([each]) => each === name)?.[1];
  const number = given === undefined ? defaults[name] : Number(given);
  if (Number.isFinite(number) && number >= 0) return number;
  return refuse(`--${name} is no number: ${String(given)}`);
}

function refuse(sentence: string): never {
  const names = Object.keys(options).map((name) => `--${name}`);
  process.stderr.write(`${sentence}\nThere is ${names.join(', ')}: docs/cost.md\n`);
  process.exit(2);
}

function describe(): string {
  return Object.entries(usage)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function print(name: string, { lines, total }: Bill): void {
  const shown = lines.filter(({ amount }) => amount >= 0.005);
  process.stdout.write(`${name}: ${total.toFixed(2)} ${prices.currency}\n`);
  for (const { what, amount } of shown) {
    process.stdout.write(`  ${what.padEnd(32)} ${amount.toFixed(2).padStart(10)}\n`);
  }
}
