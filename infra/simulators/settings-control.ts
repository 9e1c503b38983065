import type { FaultLogClient } from './fault-log-client.ts'
import type { SettingTable } from './setting-notes.ts'
import { missingNotes, namesFault, notesOfChange } from './setting-notes.ts'

export type SettingsControlDeps<Settings extends object> = SettingTable<Settings> &
  Readonly<{
    settings: Readonly<{ read: () => Settings; change: (change: Partial<Settings>) => Settings }>
    /** Writes the settings into the simulator's own log. */
    record: (settings: Settings) => Promise<void>
    /** Undefined when this system keeps no fault log. */
    faultLog: FaultLogClient | undefined
    /** Gets the first of the failures when the fault log cannot be corrected in the background. */
    onError: (error: unknown) => void
  }>

/** The only way to change settings while the process runs. Changes are made one after the other. */
export type SettingsControl<Settings> = Readonly<{
  /** Rejects with a `statusCode` of 502 when the fault log could not be written. */
  change: (change: Partial<Settings>) => Promise<Settings>
  reset: () => Promise<Settings>
  /** Ends in the fault log what an earlier process left open there. */
  start: () => void
  /** Ends the faults with the process, and tells the fault log so if it answers. */
  close: () => Promise<void>
}>

const retryMs = 1_000

/**
 * Changes settings so that the fault log is never behind. A fault is in the log before it begins,
 * and ends there after it ended. While the log does not answer, no fault begins or changes. A fault
 * that should end does end: the log then shows it for too long, which is the harmless error. After a
 * failure the content of the log is unknown, so the control reads and corrects it once it answers.
 */
export function createSettingsControl<Settings extends object>(
  deps: SettingsControlDeps<Settings>,
): SettingsControl<Settings> {
  const { faultLog, settings, defaults } = deps
  let logMayDiffer = faultLog !== undefined
  let last: Promise<unknown> = Promise.resolve()
  let retry: NodeJS.Timeout | undefined
  let isFailing = false
  let closed = false

  function serially<Answer>(run: () => Promise<Answer>): Promise<Answer> {
    const answer = last.then(run)
    last = answer.catch(() => undefined) // the caller gets the error
    return answer
  }

  async function correctLog(): Promise<void> {
    if (faultLog === undefined || !logMayDiffer) return
    const faults = (await faultLog.listOpen()).filter(({ kind }) => kind === 'setting')
    const open = new Map(faults.map(({ name = '', value }) => [name, value]))
    for (const note of missingNotes(deps, open, settings.read())) await faultLog.note(note)
    logMayDiffer = false
    isFailing = false
  }

  function correctLogLater(error: unknown): void {
    clearTimeout(retry)
    if (closed) return
    if (!isFailing) deps.onError(error)
    isFailing = true
    retry = setTimeout(() => void serially(correctLog).catch(correctLogLater), retryMs)
  }

  async function changeNow(change: Partial<Settings>): Promise<Settings> {
    const from = settings.read()
    const notes = notesOfChange(deps, from, { ...from, ...change })
    const begins = notes.filter(({ action }) => action !== 'end')
    try {
      if (faultLog !== undefined && begins.length > 0) {
        await correctLog()
        logMayDiffer = true
        for (const note of begins) await faultLog.note(note)
        logMayDiffer = false
      }
    } catch (cause) {
      correctLogLater(cause)
      throw faultLogError('nothing was changed', cause)
    }
    const changed = settings.change(change)
    await deps.record(changed)
    if (faultLog !== undefined && begins.length < notes.length) logMayDiffer = true
    try {
      if (namesFault(deps, change)) await correctLog()
    } catch (cause) {
      correctLogLater(cause)
      const consequence = 'the settings are changed, and the log is corrected when it answers'
      throw faultLogError(consequence, cause)
    }
    return changed
  }

  return {
    change: change => serially(() => changeNow(change)),
    reset: () => serially(() => changeNow(defaults)),
    start: () => void serially(correctLog).catch(correctLogLater),
    async close() {
      closed = true
      clearTimeout(retry)
      await serially(async () => {
        const isClean = notesOfChange(deps, settings.read(), defaults).length === 0
        if (faultLog === undefined || (isClean && !logMayDiffer)) return
        settings.change(defaults)
        logMayDiffer = true
        await correctLog()
      }).catch(deps.onError)
    },
  }
}

function faultLogError(consequence: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `the fault log cannot be written (${reason}): ${consequence}`
  return Object.assign(new Error(message, { cause }), { statusCode: 502 })
}
