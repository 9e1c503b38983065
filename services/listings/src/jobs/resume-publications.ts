import type { Reconcile } from '@nightshift/patterns/reconciler/types'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { inBackground } from '@nightshift/runtime/process/priority'
import { inSpan, spanContextFrom } from '@nightshift/runtime/telemetry/tracing'
import { type FinishPublicationDeps, finishPublication } from '../flows/publish-listing.ts'
import type { ListingsLog } from '../log-events.ts'
import type { DuePublication } from '../store/publications.ts'

export type ResumePublicationsDeps = {
  reconcile: Reconcile
  takeDue: () => Promise<DuePublication | undefined>
  finish: FinishPublicationDeps
  attemptBudgetMs: number
  concurrencyMax: number
  roundMax: number
  log: ListingsLog
}

/**
 * Finishes publications that a request left open, because its process died or payments did not know
 * the outcome yet. It asks payments again under the same key, so no client has to come back.
 * @returns how many were taken
 */
export function resumePublicationsOnce(
  deps: ResumePublicationsDeps,
  signal: AbortSignal,
): Promise<number> {
  return deps.reconcile({
    takeOne: deps.takeDue,
    finishOne: due => resumeOne(deps, due),
    concurrencyMax: deps.concurrencyMax,
    roundMax: deps.roundMax,
    signal,
  })
}

async function resumeOne(deps: ResumePublicationsDeps, due: DuePublication): Promise<void> {
  const cause = spanContextFrom(due.traceparent)
  const links = cause ? [{ context: cause }] : []
  await inSpan('resume publication', { links }, async () => {
    const { publicationId } = due.publication
    const deadline = deadlineIn(deps.attemptBudgetMs)
    const finished = await finishPublication(deps.finish, due.publication, deadline, inBackground)
    deps.log.info({
      event: 'publication.resumed',
      publicationId,
      publicationStatus: finished.publication.status,
    })
  })
}
