import type { RegistryResponse } from './message.ts';

/** An answer of the management API. It is nobody's but the caller's. */
export function jsonAnswer<Value extends object>(
  value: Value,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): RegistryResponse {
  return {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
    body: JSON.stringify(value),
  };
}
