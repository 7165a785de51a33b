import type { SweepReport } from '../../shared/registry/sweep/sweep-report.ts';
import type { Seconds } from '../../shared/registry/settings.ts';
import type { TestAzurite } from '../harness/azurite.ts';

/** What an instance is started with. */
export interface InstanceOptions {
  readonly azurite: Pick<TestAzurite, 'blobUrl' | 'tableUrl' | 'accountKey'>;
  readonly seconds: Seconds;
}

/** A request, as it would come over HTTP. */
export interface Sent {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came of it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For a 5xx: what happened, outermost first. */
  readonly causes: readonly string[];
}

export type ToInstance =
  | { readonly kind: 'start'; readonly options: InstanceOptions }
  | { readonly kind: 'request'; readonly id: number; readonly sent: Sent }
  | { readonly kind: 'sweep'; readonly id: number };

export type FromInstance =
  | { readonly kind: 'started' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'swept'; readonly id: number; readonly report: SweepReport }
  | { readonly kind: 'failed'; readonly id: number; readonly error: string };
