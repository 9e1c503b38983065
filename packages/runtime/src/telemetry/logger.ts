import { trace } from '@opentelemetry/api'
import { type DestinationStream, pino } from 'pino'
import sonicBoom, { type SonicBoom } from 'sonic-boom'
import type { RuntimeLogEvent } from './log-events.ts'

/** What every line carries: its event, a word of a closed list, and the facts as fields. */
export type LogFields<Event extends string = RuntimeLogEvent> = { event: Event } & Record<
  string,
  unknown
>

/**
 * A log that takes the words of `Event` and no others. A log with more words can be handed to code
 * that needs fewer, so a service hands its own log to the runtime.
 */
export type Log<Event extends string = RuntimeLogEvent> = {
  info: (fields: LogFields<Event>) => void
  warn: (fields: LogFields<Event>) => void
  /** A person must look at this. `error` is logged with its stack and its causes. */
  error: (fields: LogFields<Event> & { error?: unknown }) => void
  setLevel: (level: LogLevel) => void
  /** Waits until what was logged has left the process, or until that takes too long. */
  flush: () => Promise<void>
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Fields that must not reach a log, in lower case: no secret in logs (S12). */
const secretFields = new Set(['authorization', 'cardtoken', 'secret', 'password', 'email', 'to'])
/**
 * Lines of so long are written together, or as soon as they are so many bytes. A write of its own for each
 * line costs two switches between threads, which under load was a twentieth of a service's time.
 */
const togetherMs = 20
const togetherBytes = 4 * 1024
/** So much may wait for a reader that does not read. Newer lines are dropped. */
const waitingBytesMax = 8 * 1024 * 1024
/** A blocked output must not keep a process that ends. */
const flushMs = 500
const redacted = '[redacted]'
const depthMax = 5

/**
 * JSON lines on standard output, written asynchronously: a blocked reader of our output must not
 * block the event loop (a synchronous log halves the throughput, docs of pino; measured too).
 * @param out somewhere else to write to, for tests
 */
export function openLog<Event extends string = RuntimeLogEvent>(
  service: string,
  out: DestinationStream = openOutput(),
): Log<Event> {
  const logger = pino(
    {
      base: { service, pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: label => ({ level: label }),
        log: fields => withoutSecrets(fields, 0) as Record<string, unknown>,
      },
      serializers: { error: serializeError },
      mixin: () => {
        const span = trace.getActiveSpan()?.spanContext()
        return span ? { traceId: span.traceId, spanId: span.spanId } : {}
      },
    },
    out,
  )
  return {
    info: fields => logger.info(fields),
    warn: fields => logger.warn(fields),
    error: fields => logger.error(fields),
    setLevel: level => {
      logger.level = level
    },
    flush: () =>
      new Promise(resolve => {
        const timer = setTimeout(resolve, flushMs)
        logger.flush(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}

/** What pino writes to, and flushes. */
type Output = DestinationStream & Pick<SonicBoom, 'flush'>

/**
 * Standard output, which may be a full disk or a pipe without a reader. Nothing of the service waits for
 * it. A chunk that could not be written is tried again with the next line. `pino.destination` adds a
 * last synchronous flush, which tries for ever on a full disk, so that the process never ends.
 */
function openOutput(): Output {
  const out = new sonicBoom.SonicBoom({
    fd: process.stdout.fd,
    sync: false,
    minLength: togetherBytes,
    maxLength: waitingBytesMax,
  })
  // There is no place left to report it. Without a listener it would end the process.
  out.on('error', () => {})
  let isWaiting = false
  const writeNow = () => {
    isWaiting = false
    out.flush()
  }
  return {
    write: line => {
      out.write(line)
      if (isWaiting) return
      isWaiting = true
      setTimeout(writeNow, togetherMs)
    },
    // While something is being written, a flush waits for that alone. The second takes what is left.
    flush: done => out.flush(() => out.flush(done)),
  }
}

/**
 * Redacts at any depth. pino's `redact` takes a path for each depth, and each path costs every line
 * more than this walk does.
 */
function withoutSecrets(value: unknown, depth: number): unknown {
  if (!isPlain(value)) return value
  if (depth > depthMax) return '[too deep]'
  if (Array.isArray(value)) return value.map(one => withoutSecrets(one, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      secretFields.has(name.toLowerCase()) ? redacted : withoutSecrets(field, depth + 1),
    ]),
  )
}

/** Dates, errors and buffers have their own ways to be written. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

/**
 * Error texts of others may hold addresses (a mail server repeats the one that it refuses) and URLs with
 * passwords. Each character is read a bounded number of times, whatever the text is.
 */
function withoutAddressesAndPasswords(text: string): string {
  return text
    .replace(/:\/\/[^\s/@]*@/g, `://${redacted}@`)
    .replace(/[\w.%+@-]+/g, run => (/[^@]@/.test(run) ? redacted : run))
}

/** Depth is bounded: a chain of causes may be circular. */
function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error
  const code = (error as { code?: unknown }).code
  return {
    type: error.name,
    message: withoutAddressesAndPasswords(error.message),
    ...(code === undefined ? {} : { code }),
    stack: withoutAddressesAndPasswords(error.stack ?? ''),
    ...(error.cause !== undefined && depth < 4
      ? { cause: serializeError(error.cause, depth + 1) }
      : {}),
  }
}
