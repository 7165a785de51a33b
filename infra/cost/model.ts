import { counted, type StorageRequests } from './storage-requests.ts';

/** Money; every number is an input, in one currency. */
export interface Prices {
  readonly currency: string;
  readonly asOf: string;
  readonly contentGiBMonth: number;
  readonly tableGiBMonth: number;
  readonly blobWritesPer10000: number;
  readonly blobReadsPer10000: number;
  readonly tableRequestsPer10000: number;
  readonly executionsPerMillion: number;
  readonly gbSecond: number;
  readonly readyGbSecond: number;
  readonly freeExecutions: number;
  readonly freeGbSeconds: number;
  readonly egressGiB: number;
  readonly freeEgressGiB: number;
  readonly logsGiB: number;
  readonly acr: Readonly<Record<string, { readonly day: number; readonly includedGiB: number }>>;
  readonly acrExtraGiBDay: number;
}

/** A month of use. */
export interface Usage {
  readonly pulls: number;
  readonly pushes: number;
  readonly layersPerImage: number;
  readonly storedGiB: number;
  /** What leaves Azure's region; what stays in it is free. */
  readonly egressGiB: number;
  /** Share of pulls that an instance answers which knows the image, 0 to 1. */
  readonly warmShare: number;
  readonly instanceGiB: number;
  readonly readyInstances: number;
  /** How long the platform meters a request, in milliseconds; it counts 100 at the least. */
  readonly requestMs: number;
  readonly logBytesPerRequest: number;
}

export interface Bill {
  readonly lines: readonly { readonly what: string; readonly amount: number }[];
  readonly total: number;
}

const daysPerMonth = 30.4;
const secondsPerMonth = daysPerMonth * 86_400;
const gib = 2 ** 30;
/** Rows of an image with three layers, about; measured by nobody on Azure. */
const tableBytesPerPush = 8 * 1024;
/** The least that an execution is metered as (Azure Functions pricing, Flex Consumption). */
const minMeteredMs = 100;

/** Requests to the function app: manifest twice, token, and each blob; a push begins each anew. */
function executionsOf({ pulls, pushes, layersPerImage }: Usage): number {
  return pulls * (3 + 1 + layersPerImage) + pushes * (2 + 3 * (layersPerImage + 1) + 1);
}

/** What a month costs in one's own subscription. */
export function lighterBill(usage: Usage, prices: Prices): Bill {
  const requests = storageRequests(usage);
  const executions = executionsOf(usage);
  const meteredSeconds = Math.max(usage.requestMs, minMeteredMs) / 1000;
  const gbSeconds = executions * meteredSeconds * usage.instanceGiB;
  const ready = usage.readyInstances * usage.instanceGiB * secondsPerMonth;
  // Instances that are kept ready have no free grant.
  const [freeExecutions, freeGbSeconds] =
    usage.readyInstances > 0 ? [0, 0] : [prices.freeExecutions, prices.freeGbSeconds];
  return billOf([
    ['content', usage.storedGiB * prices.contentGiBMonth],
    ['tables', ((usage.pushes * tableBytesPerPush) / gib) * prices.tableGiBMonth],
    ['requests to tables', (requests.table / 10_000) * prices.tableRequestsPer10000],
    [
      'requests to blobs',
      (requests.blobWrite / 10_000) * prices.blobWritesPer10000 +
        (requests.blobRead / 10_000) * prices.blobReadsPer10000,
    ],
    ['executions', (above(executions, freeExecutions) / 1e6) * prices.executionsPerMillion],
    ['compute', above(gbSeconds, freeGbSeconds) * prices.gbSecond],
    ['instances kept ready', ready * prices.readyGbSecond],
    ['traffic out', above(usage.egressGiB, prices.freeEgressGiB) * prices.egressGiB],
    ['logs', ((executions * usage.logBytesPerRequest) / gib) * prices.logsGiB],
  ]);
}

/** What the same month costs with a tier of Azure Container Registry; undefined: no such tier. */
export function acrBill(tier: string, usage: Usage, prices: Prices): Bill | undefined {
  const price = prices.acr[tier];
  if (price === undefined) return undefined;
  const extra = above(usage.storedGiB, price.includedGiB);
  return billOf([
    ['tier', price.day * daysPerMonth],
    ['content beyond what is included', extra * prices.acrExtraGiBDay * daysPerMonth],
    ['traffic out', above(usage.egressGiB, prices.freeEgressGiB) * prices.egressGiB],
  ]);
}

/** What reaches storage in the month; the clients' own reads of layers are in it. */
export function storageRequests(usage: Usage): StorageRequests {
  const { pulls, pushes, layersPerImage, warmShare } = usage;
  const cold = pulls * (1 - warmShare);
  return sum([
    times(pulls * warmShare, counted.pullWarm),
    times(cold, counted.pullCold),
    times(cold * layersPerImage, counted.layerCold),
    { table: 0, blobWrite: 0, blobRead: pulls * layersPerImage },
    times(pushes, counted.push),
    times(pushes * Math.max(0, layersPerImage - 1), counted.layerPushed),
  ]);
}

function sum(all: readonly StorageRequests[]): StorageRequests {
  return all.reduce((one, other) => ({
    table: one.table + other.table,
    blobWrite: one.blobWrite + other.blobWrite,
    blobRead: one.blobRead + other.blobRead,
  }));
}

function times(factor: number, { table, blobWrite, blobRead }: StorageRequests): StorageRequests {
  return {
    table: factor * table,
    blobWrite: factor * blobWrite,
    blobRead: factor * blobRead,
  };
}

function above(amount: number, free: number): number {
  return Math.max(0, amount - free);
}

function billOf(entries: readonly (readonly [what: string, amount: number])[]): Bill {
  const lines = entries.map(([what, amount]) => ({ what, amount }));
  return { lines, total: lines.reduce((total, { amount }) => total + amount, 0) };
}
