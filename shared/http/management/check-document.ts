import * as v from 'valibot';
import { problemsOf } from '../../policy/policy-document.ts';
import { wrongDocument } from '../json-request.ts';

/**
 * What a schema makes of a request's JSON. Throws UNSUPPORTED 400, which says everything that is
 * wrong.
 */
export function checkDocument<Output>(
  schema: v.GenericSchema<unknown, Output>,
  json: unknown,
): Output {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  throw wrongDocument(problemsOf(result.issues));
}
