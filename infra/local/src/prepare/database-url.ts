/** The same server, seen as somebody else or looking at another database. */
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
