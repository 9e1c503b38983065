/** What the page shows of one moment. The server makes one each second, and the page only draws it. */
export type Snapshot = Readonly<{
  /** Milliseconds since 1970. */
  at: number
  processes: readonly ProcessView[]
  links: readonly LinkView[]
  /** The faults that have begun and not ended, whoever injected them. */
  faults: readonly FaultView[]
  /** The version of each pattern, by its switch and by the service that runs it. */
  variants: Readonly<Record<string, Readonly<Record<string, string>>>>
  load: LoadView
  /** One value of each series; null where it could not be seen. */
  figures: Figures
  /** The faults of the last minutes, those that are over included. */
  bands: readonly Band[]
  marks: readonly Mark[]
  /** What the console could not see, and why. The page says so instead of showing an old number. */
  unseen: readonly Unseen[]
}>

export type ProcessView = Readonly<{
  name: string
  kind: 'part' | 'simulator' | 'service'
  state: 'starting' | 'ready' | 'unready' | 'backing-off' | 'stopped'
  memoryMiB?: number
  restarts: number
  /** Why it is not ready, or how its last instance ended. */
  reason?: string
  url?: string
}>

export type LinkView = Readonly<{
  name: string
  isUp: boolean
  toxics: readonly string[]
  /** Calls over this link, where a metric counts them. */
  perSecond?: number
  failedPerSecond?: number
  p99Ms?: number
  /** 0 closed, 0.5 half open, 1 open. */
  breaker?: number
}>

export type FaultView = Readonly<{
  /** The name that heals it. */
  thing: string
  what: string
  seconds: number
  /** Until it is healed by itself; unset for a fault that stays. */
  healsInSeconds?: number
}>

export type Unseen = Readonly<{ what: string; why: string }>

/** The series of the timeline, with their units. */
export const seriesUnits = {
  /** By the load of this console. */
  offered: 'employers per second',
  paid: 'payments per second',
  refused: 'requests per second',
  failed: 'requests per second',
  p99Ms: 'ms',
  openPayments: 'payments',
  oldestOpenSeconds: 's',
  outboxAgeSeconds: 's',
  stalledSeconds: 's',
  loopLagMs: 'ms',
  memoryMiB: 'MiB',
  breakersOpen: 'breakers',
} as const
export type SeriesName = keyof typeof seriesUnits
export const seriesNames = Object.keys(seriesUnits) as readonly SeriesName[]
export type Figures = Readonly<Record<SeriesName, number | null>>

export type LoadNumbers = Readonly<{
  offered: number
  good: number
  refused: number
  pending: number
  lost: number
  p99Ms?: number | undefined
}>

/** The load that this console sends. */
export type LoadView = Readonly<{
  state: 'idle' | 'preparing' | 'running' | 'over'
  scenario?: string
  perSecond?: number
  seconds?: number
  startedAt?: number
  lastSecond?: LoadNumbers
  totals?: LoadNumbers
  /** What it is waiting for, or why it ended. */
  note?: string
}>

/** A number, or why it could not be read. */
export type Count = Readonly<{ number?: number; unseen?: string }>

/** Counted at their owners: the client, the card provider, the database of payments, the mail server. */
export type LaneCounts = Readonly<{
  requests: Count
  providerCalls: Count
  charges: Count
  /** What our own ledger says was charged. */
  booked: Count
  /** What the candidate got about the listing, if the client publishes one. */
  mails: Count
}>

/** One of the two systems in which the same payment is disturbed in the same way. */
export type LaneView = Readonly<{
  name: 'naive' | 'ours'
  title: string
  state: 'ready' | 'trying'
  counts?: LaneCounts
  events: readonly string[]
}>

export type LabView = Readonly<{
  state: 'closed' | 'starting' | 'open' | 'trying'
  /** The way that was tried last. */
  tried?: string
  problem?: string
  lanes: readonly LaneView[]
}>

/** Something that happened at one moment: a restart, a switch. */
export type Mark = Readonly<{ at: number; what: string }>
/** A fault from its begin to its end; `until` is null while it lasts. */
export type Band = Readonly<{ name: string; from: number; until: number | null }>

/** The last minutes: the same moments for all series. */
export type History = Readonly<{
  at: readonly number[]
  figures: Readonly<Record<SeriesName, readonly (number | null)[]>>
}>
