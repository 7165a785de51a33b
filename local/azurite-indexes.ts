/** The parts of LokiJS, Azurite's database, that a lookup goes through. */
interface Collection {
  readonly binaryIndices: Readonly<Record<string, unknown>>;
  /** First and last position in the index of the documents that have the value. */
  calculateRange(operator: '$eq', property: string, value: unknown): readonly [number, number];
}

interface Resultset {
  readonly collection: Collection;
  /** True once the set is no longer the whole collection. */
  readonly filterInitialized: boolean;
  /** Applies the filters, an object of one property each, one after the other. */
  $and: (this: Resultset, filters: readonly Filter[]) => unknown;
}

type Filter = Readonly<Record<string, unknown>>;

/**
 * Makes lookups by several properties begin with the index in which fewest documents match. LokiJS
 * uses the index of the property that is named first and compares all documents it finds there.
 * Azurite names the account or the partition first: without this, each request goes through all
 * blobs of the account or all rows of the repository.
 */
export function lookUpByNarrowestIndex(resultsets: { readonly prototype: Resultset }): void {
  const { prototype } = resultsets;
  const { $and } = prototype;
  prototype.$and = function (filters) {
    return $and.call(this, this.filterInitialized ? filters : narrowestFirst(this, filters));
  };
}

function narrowestFirst({ collection }: Resultset, filters: readonly Filter[]): readonly Filter[] {
  const matches = filters.map((filter) => countMatches(collection, filter));
  const narrowest = matches.indexOf(Math.min(...matches));
  const first = filters[narrowest];
  return first === undefined ? filters : [first, ...filters.toSpliced(narrowest, 1)];
}

/**
 * How many documents the index of the filter's property offers; infinitely many when it is no help.
 */
function countMatches(collection: Collection, filter: Filter): number {
  const [[property, value] = ['', undefined]] = Object.entries(filter);
  if (typeof value !== 'string' || !(property in collection.binaryIndices)) return Infinity;
  const [first, last] = collection.calculateRange('$eq', property, value);
  return last - first;
}
