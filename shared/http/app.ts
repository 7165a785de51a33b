import type { Authority } from '../auth/authority.ts';
import type { Config } from '../config.ts';
import type { Diagnostics } from '../ports/diagnostics.ts';
import type { Registry } from '../registry/registry.ts';

/** The composed application: what a route's handler may reach. */
export interface App {
  readonly config: Config;
  readonly registry: Registry;
  readonly authority: Authority;
  readonly diagnostics: Diagnostics;
}
