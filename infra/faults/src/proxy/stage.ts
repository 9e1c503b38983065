/**
 * How one direction of a connection ends. `finish`: no more bytes this way (FIN). `close`: both
 * directions close once what was passed on is delivered. `reset`: both are cut by an RST, at once.
 * `abort`: the sender is gone, by an RST of its own; its receiver gets what came before, then an RST.
 */
export type Ending = 'finish' | 'close' | 'reset' | 'abort'

/** Where a stage puts what it lets through: the next stage, or the socket. */
export type Outlet = Readonly<{
  pass: (chunk: Buffer) => void
  end: (ending: Ending) => void
}>

/** What a stage had not let through yet, in order. */
export type Held = Readonly<{ chunks: readonly Buffer[]; ending: Ending | undefined }>

/** One toxic at work on one direction of one connection. */
export type Stage = Readonly<{
  /** Called when it takes its place, and again after its attributes have changed. */
  start?: () => void
  push: (chunk: Buffer) => void
  end: (ending: Ending) => void
  /** Stops its timers and gives back what it holds. */
  release: () => Held
  /** What it holds in memory. */
  heldBytes: () => number
  /** How much it may hold beyond what every link may. */
  roomBytes?: number
  /** How the direction ends when the toxic is taken away; unset: it goes on. */
  endsWhenRemoved?: Ending
}>

export const nothingHeld: Held = { chunks: [], ending: undefined }
