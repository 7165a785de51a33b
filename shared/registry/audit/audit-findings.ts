import { isObject } from '../../domain/json.ts';

/** What an audit looks for; `docs/storage.md`, "Audit", says of each what is done about it. */
export const findingKinds = [
  'danglingReferences',
  'staleReferrers',
  'danglingTags',
  'staleTagReverses',
  'staleTagOrders',
  'missingTagOrders',
  'unwatchedLinks',
  'unwatchedWork',
  'orphanBytes',
  'missingBytes',
  'unheldBytes',
  'undeletedBytes',
  'strayHolders',
  'staleDigests',
] as const;
export type FindingKind = (typeof findingKinds)[number];

export interface Finding {
  readonly found: number;
  readonly repaired: number;
  /** The first ten, their beginnings where they are long. */
  readonly examples: readonly string[];
}

export type Findings = Readonly<Record<FindingKind, Finding>>;

const maxExamples = 10;
/** All examples of all kinds are in one property of a row, which holds 32 Ki characters. */
const maxExampleChars = 200;

/** Counts while an audit runs, and over as many runs as it takes. */
export class FindingTally {
  readonly #findings: Map<FindingKind, Finding>;

  constructor(before: Findings) {
    this.#findings = new Map(findingKinds.map((kind) => [kind, before[kind]]));
  }

  /** Notes a finding, and whether it was repaired. */
  note(kind: FindingKind, example: string, repaired: boolean): void {
    const { found, repaired: done, examples } = this.#findings.get(kind) ?? none;
    this.#findings.set(kind, {
      found: found + 1,
      repaired: done + (repaired ? 1 : 0),
      examples:
        examples.length < maxExamples ? [...examples, example.slice(0, maxExampleChars)] : examples,
    });
  }

  get findings(): Findings {
    return findingsOf((kind) => this.#findings.get(kind) ?? none);
  }
}

const none: Finding = { found: 0, repaired: 0, examples: [] };
export const noFindings: Findings = findingsOf(() => none);

/**
 * Reads findings that an earlier run of the audit kept; what is not of their form counts as none.
 */
export function parseFindings(json: string): Findings {
  const parsed: unknown = JSON.parse(json);
  return findingsOf((kind) => {
    const finding = isObject(parsed) ? parsed[kind] : undefined;
    if (!isObject(finding)) return none;
    const { found, repaired, examples } = finding;
    return {
      found: typeof found === 'number' ? found : 0,
      repaired: typeof repaired === 'number' ? repaired : 0,
      examples: Array.isArray(examples) ? examples.map(String) : [],
    };
  });
}

function findingsOf(finding: (kind: FindingKind) => Finding): Findings {
  return {
    danglingReferences: finding('danglingReferences'),
    staleReferrers: finding('staleReferrers'),
    danglingTags: finding('danglingTags'),
    staleTagReverses: finding('staleTagReverses'),
    staleTagOrders: finding('staleTagOrders'),
    missingTagOrders: finding('missingTagOrders'),
    unwatchedLinks: finding('unwatchedLinks'),
    unwatchedWork: finding('unwatchedWork'),
    orphanBytes: finding('orphanBytes'),
    missingBytes: finding('missingBytes'),
    unheldBytes: finding('unheldBytes'),
    undeletedBytes: finding('undeletedBytes'),
    strayHolders: finding('strayHolders'),
    staleDigests: finding('staleDigests'),
  };
}
