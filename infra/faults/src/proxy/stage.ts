/**
 * How one direction of a connection ends.
 * - `finish`: no more bytes come this way (FIN).
 * - `close`: both directions close once the bytes that were passed on are delivered.
 * - `reset`: both directions are cut by an RST at once.
 * - `abort`: the sender has sent an RST; its receiver gets the bytes before it and then an RST.
 */
export type Ending = 'finish' | 'close' | 'reset' | 'abort'

/** The next stage, or the socket behind the last one. */
export type Outlet = Readonly<{
  pass: (chunk: Buffer) => void
  end: (ending: Ending) => void
}>

/** Bytes and the end that a stage has not passed on yet, in order. */
export type Held = Readonly<{ chunks: readonly Buffer[]; ending: Ending | undefined }>

/** One toxic at work on one direction of one connection. */
export type Stage = Readonly<{
  /** Called when the stage becomes active, and again after its attributes have changed. */
  start?: () => void
  push: (chunk: Buffer) => void
  end: (ending: Ending) => void
  /** Stops its timers and returns everything that it holds. */
  release: () => Held
  heldBytes: () => number
  /** How much it may hold beyond what every link may. */
  roomBytes?: number
  /** How the direction ends when the toxic is removed; unset: it goes on. */
  endsWhenRemoved?: Ending
}>

export const nothingHeld: Held = { chunks: [], ending: undefined }
