import * as v from 'valibot';
import { passwordSlots } from '../../../auth/repository-token.ts';
import { described, time } from './values.ts';

const tokenPassword = v.strictObject({ createdAt: time, expiresAt: v.optional(time) });

export const tokenJson = v.strictObject({
  name: v.string(),
  scopeMap: v.string(),
  enabled: v.boolean(),
  createdAt: time,
  lastUsedAt: v.optional(described(time, 'Right to ten minutes; left out: never.')),
  passwords: v.pipe(
    v.strictObject({
      password1: v.optional(tokenPassword),
      password2: v.optional(tokenPassword),
    }),
    v.description('What is known of the passwords, which are shown once, when they are made.'),
  ),
});
export type TokenJson = v.InferOutput<typeof tokenJson>;
export const tokenList = v.strictObject({ tokens: v.array(tokenJson) });

export const tokenPasswordMade = v.strictObject({
  name: v.string(),
  slot: v.picklist(passwordSlots),
  password: described(v.string(), 'Shown this once.'),
  expiresAt: v.optional(time),
});
export type TokenPasswordMade = v.InferOutput<typeof tokenPasswordMade>;
