/**
 * How much longer than in `npm test` the fault tests go on: LIGHTER_FAULT_ROUNDS, 1 when not set.
 * Above 1 nothing is left out for time's sake.
 */
export const rounds = Math.max(1, Number(process.env['LIGHTER_FAULT_ROUNDS'] ?? 1) || 1);
