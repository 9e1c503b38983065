import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace'
import { keepWholeJourneys } from './sampler.ts'

const exportDelayMs = 500
const exportTimeoutMs = 2_000
const spanQueueMax = 2_048
/** A collector that is away must not delay the end of the process. */
const flushDeadlineMs = 1_500

/**
 * Sends the spans of this process to a collector, until it is disposed.
 * @param endpoint base URL of an OTLP/HTTP collector
 * @param share of the journeys that are traced, from 0 to 1
 */
export function exportSpans(service: string, endpoint: string, share: number): AsyncDisposable {
  const sdk = new NodeSDK({
    serviceName: service,
    autoDetectResources: false,
    instrumentations: [],
    sampler: keepWholeJourneys(share),
    metricReaders: [],
    logRecordProcessors: [],
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({
          url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
          timeoutMillis: exportTimeoutMs,
        }),
        scheduledDelayMillis: exportDelayMs,
        exportTimeoutMillis: exportTimeoutMs,
        maxQueueSize: spanQueueMax,
      }),
    ],
  })
  sdk.start()
  return {
    [Symbol.asyncDispose]: async () => {
      const deadline = AbortSignal.timeout(flushDeadlineMs)
      const late = new Promise<void>(resolve => {
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
      // Spans only report the work: losing the last ones is no reason to fail.
      await Promise.race([sdk.shutdown().catch(() => undefined), late])
    },
  }
}
