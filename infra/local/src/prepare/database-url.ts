/** The same server with another database, role or password. */
export function databaseUrl(
  serverUrl: string,
  change: Readonly<{ database: string; role?: string; password?: string }>,
): string {
  const url = new URL(serverUrl)
  url.pathname = `/${change.database}`
  if (change.role !== undefined) url.username = encodeURIComponent(change.role)
  if (change.password !== undefined) url.password = encodeURIComponent(change.password)
  return url.href
}
