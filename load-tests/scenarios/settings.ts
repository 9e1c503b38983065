/** What a run is told, by `k6 run -e NAME=value`. */
export type Settings = Readonly<{
  listingsUrl: string
  paymentsUrl: string
  notificationsUrl: string
  employers: readonly [Employer, ...Employer[]]
  /** Names the run in its history and in its idempotency keys; another run needs another name. */
  run: string
  seed: number
  /** Payments a second that the card provider's quota allows: what "ten times" is ten times of. */
  ratedPerSecond: number
  /** Share of the rated capacity that is asked for on an ordinary night. */
  steadyShare: number
  tenfold: number
  /** Searches begun for each employer who comes. */
  browseShare: number
  /** Length of the whole run; unset: as the scenario says. */
  seconds: number | undefined
  /** The 90 seconds of three-in-the-morning instead of its ten minutes. */
  short: boolean
  /** How long one request is waited for. */
  requestTimeoutMs: number
  /** Off only to measure what recording costs. */
  record: boolean
}>

export type Employer = Readonly<{ tenant: string; apiKey: string }>

const ratedPerSecondMax = 100
const secondsMax = 24 * 3_600
const requestTimeoutMsMax = 60_000

/**
 * Reads the settings of a run.
 * @throws naming every setting that is missing or impossible, and never a value: some are secret
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

/** Two lists of the same length: a key does not say whose it is, and the auditor has to know. */
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

/** As people write numbers; NaN for `0x10`, `1e1` and all else. */
function decimalOf(text: string): number {
  return /^(?:0|[1-9]\d{0,15})(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
}

function milliseconds(duration: string): number {
  const amount = Number.parseInt(duration, 10)
  return duration.endsWith('ms') ? amount : amount * 1000
}
