/** What an API key may be allowed to do. Each route names one scope, or is marked as public. */
export const scopes = [
  'payments:write',
  'payments:read',
  'listings:write',
  'listings:read',
] as const
export type Scope = (typeof scopes)[number]
