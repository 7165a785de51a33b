import type { Model } from './engine.ts';

/** A model with what is expected of it. */
export interface Configuration {
  readonly name: string;
  readonly model: Model;
  /** The problem that must be found: a protocol that is known to be wrong. It holds when left out. */
  readonly fails?: RegExp;
  /** Too large for every run of the tests: `npm run models`. */
  readonly byHand?: true;
}
