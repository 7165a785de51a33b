import * as v from 'valibot';

/**
 * What the management API answers, a file for each of its sections. Loaded by who documents or
 * tests it; handlers have its types.
 */

/** A schema with the words that the OpenAPI file has for it. */
export const described = <Value>(schema: v.GenericSchema<Value>, text: string) =>
  v.pipe(schema, v.description(text));

export const time = v.pipe(v.string(), v.isoTimestamp());
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));
