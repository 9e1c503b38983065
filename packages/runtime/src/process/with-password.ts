/** The URL with this password in it, encoded. It may hold any characters, and wins over one in the URL. */
export function withPassword(serverUrl: string, password: string | undefined): string {
  if (password === undefined) return serverUrl
  const url = new URL(serverUrl)
  url.password = encodeURIComponent(password)
  return url.href
}
