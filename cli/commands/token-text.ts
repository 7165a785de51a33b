import * as v from 'valibot';
import { formatTime } from '../terminal/format.ts';
import { details, table } from '../terminal/table.ts';

const password = v.looseObject({
  createdAt: v.string(),
  expiresAt: v.nullish(v.string()),
});
/** As the management API describes it. */
export const token = v.looseObject({
  name: v.string(),
  scopeMap: v.string(),
  enabled: v.boolean(),
  createdAt: v.string(),
  lastUsedAt: v.nullish(v.string()),
  passwords: v.looseObject({
    password1: v.nullish(password),
    password2: v.nullish(password),
  }),
});
export type Token = v.InferOutput<typeof token>;

/** Tokens, a line each. */
export function tokenTable(tokens: readonly Token[]): string {
  return table(
    ['NAME', 'SCOPE MAP', 'STATE', 'CREATED', 'LAST USED'],
    tokens.map((each) => [
      each.name,
      each.scopeMap,
      each.enabled ? 'enabled' : 'disabled',
      formatTime(each.createdAt),
      formatTime(each.lastUsedAt ?? undefined),
    ]),
  );
}

/** All of one. */
export function tokenText(value: Token): string {
  const { password1, password2 } = value.passwords;
  return details([
    ['token', value.name],
    ['scope map', value.scopeMap],
    ['state', value.enabled ? 'enabled' : 'disabled'],
    ['created', formatTime(value.createdAt)],
    ['last used', formatTime(value.lastUsedAt ?? undefined)],
    ['password1', passwordText(password1)],
    ['password2', passwordText(password2)],
  ]);
}

function passwordText(value: v.InferOutput<typeof password> | null | undefined): string {
  if (!value) return '-';
  const end = value.expiresAt ? `until ${formatTime(value.expiresAt)}` : 'without end';
  return `of ${formatTime(value.createdAt)}, ${end}`;
}
