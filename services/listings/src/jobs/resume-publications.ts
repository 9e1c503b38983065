import { deadlineIn } from '@nightshift/runtime/deadline'
import type { Log } from '@nightshift/runtime/logger'
import { inSpan, spanContextFrom } from '@nightshift/runtime/telemetry'
import { type FinishPublicationDeps, finishPublication } from '../flows/publish-listing.ts'
import type { DuePublication } from '../store/publications.ts'

export type ResumePublicationsDeps = {
  takeDue: () => Promise<DuePublication[]>
  finish: FinishPublicationDeps
  attemptBudgetMs: number
  concurrencyMax: number
  log: Log
}

/**
 * Goes on with publications that a request left behind (it died, or payments did not know yet):
 * asks payments again under the same key. A client that never comes back changes nothing.
 * @returns how many were looked at
 */
export async function resumePublicationsOnce(deps: ResumePublicationsDeps): Promise<number> {
  const due = await deps.takeDue()
  const queue = due.values()
  const worker = async () => {
    for (const one of queue) await resumeOne(deps, one)
  }
  await Promise.all(Array.from({ length: deps.concurrencyMax }, worker))
  return due.length
}

async function resumeOne(deps: ResumePublicationsDeps, due: DuePublication): Promise<void> {
  const cause = spanContextFrom(due.traceparent)
  const links = cause ? [{ context: cause }] : []
  await inSpan('resume publication', { links }, async () => {
    const { publicationId } = due.publication
    const deadline = deadlineIn(deps.attemptBudgetMs)
    const after = await finishPublication(deps.finish, due.publication, deadline)
    deps.log.info({
      event: 'publication.resumed',
      publicationId,
      publicationStatus: after.status,
    })
  })
}
