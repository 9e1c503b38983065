import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

export { SpanKind }

/**
 * Starts tracing. Spans are written by hand, so nothing is patched (docs/decisions/0005). Without an
 * endpoint every call below still works and costs next to nothing: the API's own no-op.
 * @param endpoint base URL of an OTLP/HTTP collector
 * @param share of the journeys that are traced, from 0 to 1
 */
export async function startTelemetry(
  service: string,
  endpoint: string | undefined,
  share = 1,
): Promise<AsyncDisposable> {
  if (endpoint === undefined) return { [Symbol.asyncDispose]: async () => {} }
  // A fifth of the modules of a service are those of the SDK. Without a collector it starts sooner.
  const { exportSpans } = await import('./export-spans.ts')
  return exportSpans(service, endpoint, share)
}

export type SpanOptions = {
  kind?: SpanKind
  attributes?: Attributes
  /** Default: the active context. */
  parent?: Context
  links?: Link[]
}

/** Runs `work` inside a span. An error marks the span as failed and is thrown on. */
export async function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = startSpan(name, options)
  try {
    return await context.with(trace.setSpan(options.parent ?? context.active(), span), () =>
      work(span),
    )
  } catch (error) {
    failSpan(span, error)
    throw error
  } finally {
    span.end()
  }
}

/** Starts a span for work that does not fit into one function. The caller has to end it. */
export function startSpan(name: string, options: SpanOptions): Span {
  return tracer().startSpan(
    name,
    {
      kind: options.kind ?? SpanKind.INTERNAL,
      ...(options.attributes ? { attributes: options.attributes } : {}),
      ...(options.links ? { links: options.links } : {}),
    },
    options.parent ?? context.active(),
  )
}

/** The message goes to the logs; a span has only the kind of the failure. */
export function failSpan(span: Span, error: unknown): void {
  const type = error instanceof Error ? error.name : 'unknown'
  span.setAttribute('error.type', (error as { code?: string })?.code ?? type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

/** The active span as a W3C `traceparent`, to be stored or sent. */
export function currentTraceparent(): string | undefined {
  return injectInto({})['traceparent']
}

/** @param span whose context is written; default: the active one */
export function injectInto(headers: Record<string, string>, span?: Span): Record<string, string> {
  const active = context.active()
  propagation.inject(span ? trace.setSpan(active, span) : active, headers)
  return headers
}

/** The context that a `traceparent` names, or the root when there is none or it is malformed. */
export function contextFrom(traceparent: string | undefined | null): Context {
  return traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : ROOT_CONTEXT
}

/** The span that a `traceparent` names, to be linked to. */
export function spanContextFrom(traceparent: string | undefined | null): SpanContext | undefined {
  return trace.getSpanContext(contextFrom(traceparent))
}

function tracer() {
  return trace.getTracer('nightshift')
}
