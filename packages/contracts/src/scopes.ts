/** What an API key may be allowed to do. A route names one of them, or says that it is public. */
export const scopes = [
  'payments:write',
  'payments:read',
  'listings:write',
  'listings:read',
] as const
export type Scope = (typeof scopes)[number]
