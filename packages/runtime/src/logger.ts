import { trace } from '@opentelemetry/api'
import { destination, pino } from 'pino'
import type { LogEvent } from './log-events.ts'

/** What every line carries: which event of the vocabulary it is, and the facts as fields. */
export type LogFields = { event: LogEvent } & Record<string, unknown>

export type Log = {
  info: (fields: LogFields) => void
  warn: (fields: LogFields) => void
  /** For what a person must look at. `error` is logged with its stack and its causes. */
  error: (fields: LogFields & { error?: unknown }) => void
  setLevel: (level: LogLevel) => void
  /** Waits until what was logged has left the process. */
  flush: () => Promise<void>
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Fields that must not reach a log, at the top and one level down (S12). */
const secretFields = ['authorization', 'cardToken', 'secret', 'password', 'email', 'to']

/**
 * JSON lines on standard output, written asynchronously: a blocked reader of our output must not
 * block the event loop (a synchronous log halves the throughput, docs of pino; measured too).
 */
export function openLog(service: string): Log {
  const out = destination({ dest: 1, sync: false })
  const logger = pino(
    {
      base: { service, pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      serializers: { error: serializeError },
      redact: {
        paths: secretFields.flatMap(field => [field, `*.${field}`]),
        censor: '[redacted]',
      },
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
    flush: () => new Promise(resolve => logger.flush(() => resolve())),
  }
}

/** Depth is bounded: a chain of causes may be circular. */
function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error
  const code = (error as { code?: unknown }).code
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error.cause !== undefined && depth < 4
      ? { cause: serializeError(error.cause, depth + 1) }
      : {}),
  }
}
