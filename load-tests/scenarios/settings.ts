/** The settings of a run, from `k6 run -e NAME=value`. */
export type Settings = Readonly<{
  listingsUrl: string
  paymentsUrl: string
  notificationsUrl: string
  employers: readonly [Employer, ...Employer[]]
  /** The name of the run in its history and in its idempotency keys. Each run needs another name. */
  run: string
  seed: number
  /** Payments per second that the card provider's quota allows. */
  ratedPerSecond: number
  /** The steady rate as a share of the rated capacity. */
  steadyShare: number
  /** The peak, as a multiple of the steady rate. */
  tenfold: number
  /** Candidates per employer. */
  browseShare: number
  /** The length of the whole run. Unset: the scenario's own length. */
  seconds: number | undefined
  /** Three-in-the-morning takes three minutes instead of twelve. */
  short: boolean
  /** The timeout of one request. */
  requestTimeoutMs: number
  /** False only to measure what recording costs. */
  record: boolean
}>

export type Employer = Readonly<{ tenant: string; apiKey: string }>

const ratedPerSecondMax = 100
const secondsMax = 24 * 3_600
const requestTimeoutMsMax = 60_000

/**
 * Reads the settings of a run.
 * @throws naming every setting that is missing or invalid, but no value, because some are secret
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const mistakes: string[] = []
  const text = (name: string, form: RegExp, fallback?: string) => {
    const value = env[name] || fallback || ''
    if (!form.test(value)) mistakes.push(`${name} must match ${form}`)
    return value
  }
  const number = (name: string, fallback: number, min: number, max: number) => {
    const value = env[name] ? decimalOf(env[name]) : fallback
    if (!(value >= min && value <= max)) mistakes.push(`${name} must be from ${min} to ${max}`)
    return value
  }
  const url = (name: string) => text(name, /^http:\/\/[^\s/]+$/)

  const settings: Settings = {
    listingsUrl: url('LISTINGS_URL'),
    paymentsUrl: url('PAYMENTS_URL'),
    notificationsUrl: url('NOTIFICATIONS_URL'),
    employers: readEmployers(env['TENANTS'], env['API_KEYS'], mistakes),
    run: text('RUN', /^[A-Za-z0-9_-]{1,24}$/, 'run'),
    seed: number('SEED', 1, 0, Number.MAX_SAFE_INTEGER),
    ratedPerSecond: number('RATED_PER_SECOND', 50, 1, ratedPerSecondMax),
    steadyShare: number('STEADY_SHARE', 0.7, 0.01, 1),
    tenfold: number('TENFOLD', 10, 1, 20),
    browseShare: number('BROWSE_SHARE', 0.5, 0, 10),
    seconds: env['SECONDS'] ? number('SECONDS', 0, 1, secondsMax) : undefined,
    short: env['SHORT'] === '1',
    requestTimeoutMs: milliseconds(text('REQUEST_TIMEOUT', /^\d+(ms|s)$/, '5s')),
    record: env['RECORD'] !== '0',
  }
  if (settings.requestTimeoutMs > requestTimeoutMsMax) {
    mistakes.push(`REQUEST_TIMEOUT must be at most ${requestTimeoutMsMax} ms`)
  }
  if (mistakes.length > 0) throw new Error(mistakes.join('; '))
  return settings
}

/** Reads two lists of the same length: the auditor needs the tenant of each key, and a key does not show it. */
function readEmployers(
  tenants: string | undefined,
  apiKeys: string | undefined,
  mistakes: string[],
): Settings['employers'] {
  const keys = apiKeys?.split(',').filter(key => key !== '') ?? []
  const names = tenants?.split(',').filter(tenant => tenant !== '') ?? []
  const [first, ...rest] = keys.map((apiKey, at) => ({ apiKey, tenant: names[at] ?? '' }))
  if (first !== undefined && names.length === keys.length) return [first, ...rest]
  mistakes.push('API_KEYS and TENANTS must be lists of the same employers, separated by commas')
  return [{ apiKey: '', tenant: '' }]
}

/** Accepts plain decimal numbers only. Anything else, such as `0x10` or `1e1`, is NaN. */
function decimalOf(text: string): number {
  return /^(?:0|[1-9]\d{0,15})(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
}

function milliseconds(duration: string): number {
  const amount = Number.parseInt(duration, 10)
  return duration.endsWith('ms') ? amount : amount * 1000
}
