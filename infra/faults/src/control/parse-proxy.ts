import { type Address, parseAddress } from '../address.ts'
import { limits } from '../limits.ts'
import { badBody } from './api-error.ts'
import { parseName, parseObject, parseText } from './parse-body.ts'

/** What a proxy is told to be. */
export type ProxySettings = Readonly<{ listen: Address; upstream: Address; enabled: boolean }>
export type ProxyRequest = Readonly<{ name: string }> & ProxySettings

/** A proxy from the body of a request. An empty host is `anyHost`. Throws a 400. */
export function parseProxy(body: unknown, anyHost: string, where = ''): ProxyRequest {
  const given = parseObject(body)
  const name = parseName(parseText('name', given['name'], where))
  const upstream = parseText('upstream', given['upstream'], where)
  return {
    name,
    listen: parseAddress('listen', parseText('listen', given['listen'] || ':0'), anyHost),
    upstream: parseAddress('upstream', upstream, anyHost),
    enabled: parseEnabled(given['enabled'] ?? true),
  }
}

/** What the proxy is told to be after a change; fields that are not given stay. */
export function parseProxyChange(
  before: ProxySettings,
  body: unknown,
  anyHost: string,
): ProxySettings {
  const given = parseObject(body)
  const address = (field: 'listen' | 'upstream') =>
    given[field] ? parseAddress(field, parseText(field, given[field]), anyHost) : before[field]
  return {
    listen: address('listen'),
    upstream: address('upstream'),
    enabled: parseEnabled(given['enabled'] ?? before.enabled),
  }
}

/** A list of proxies, in the form of Toxiproxy's configuration file and of POST /populate. */
export function parseProxies(body: unknown, anyHost: string): ProxyRequest[] {
  if (!Array.isArray(body)) throw badBody('a list of proxies was expected')
  if (body.length > limits.proxiesMax) throw badBody(`more than ${limits.proxiesMax} proxies`)
  return body.map((each, index) => parseProxy(each, anyHost, ` at proxy ${index + 1}`))
}

function parseEnabled(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw badBody('enabled must be true or false')
}
