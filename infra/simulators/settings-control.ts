import type { Injector } from './fault-log-client.ts'
import type { SettingTable } from './settings-changes.ts'
import { settingChanges, settingDifferences, touchesFault } from './settings-changes.ts'

export type SettingControlDeps<Settings extends object> = SettingTable<Settings> &
  Readonly<{
    settings: Readonly<{ read: () => Settings; change: (change: Partial<Settings>) => Settings }>
    /** Writes the settings into the simulator's own log. */
    record: (settings: Settings) => Promise<void>
    /** Undefined: nobody keeps a log of all faults. */
    injector: Injector | undefined
    /** Told of the first failure when the log of faults can not be put right in the background. */
    onError: (error: unknown) => void
  }>

/** The only way to the settings while the process runs. Turns are made one after the other. */
export type SettingControl<Settings> = Readonly<{
  /** Rejects with a `statusCode` of 502 when the log of faults could not be told. */
  turn: (change: Partial<Settings>) => Promise<Settings>
  reset: () => Promise<Settings>
  /** Ends in the log of faults what an earlier process left open there. */
  start: () => void
  /** The faults end with the process, and the log is told so, if it can be. */
  close: () => Promise<void>
}>

const retryMs = 1_000

/**
 * Turns settings so that the log of faults is never behind: a fault is in it before it begins, and
 * ends in it after it ended. When the log can not be reached no fault begins or changes, and one
 * that shall end does end: the log then says for too long that it is there, which is the harmless
 * error. What the log holds is unclear after a failure, so it is asked and put right as soon as it
 * answers.
 */
export function createSettingControl<Settings extends object>(
  deps: SettingControlDeps<Settings>,
): SettingControl<Settings> {
  const { injector, settings, atRest } = deps
  let inDoubt = injector !== undefined
  let last: Promise<unknown> = Promise.resolve()
  let retry: NodeJS.Timeout | undefined
  let isFailing = false
  let closed = false

  function serially<Answer>(run: () => Promise<Answer>): Promise<Answer> {
    const answer = last.then(run)
    last = answer.catch(() => undefined) // whoever asked is told
    return answer
  }

  async function putRight(): Promise<void> {
    if (injector === undefined || !inDoubt) return
    const faults = (await injector.open()).filter(({ kind }) => kind === 'setting')
    const open = new Map(faults.map(({ name = '', value }) => [name, value]))
    for (const note of settingDifferences(deps, open, settings.read())) await injector.note(note)
    inDoubt = false
    isFailing = false
  }

  function putRightLater(error: unknown): void {
    clearTimeout(retry)
    if (closed) return
    if (!isFailing) deps.onError(error)
    isFailing = true
    retry = setTimeout(() => void serially(putRight).catch(putRightLater), retryMs)
  }

  async function turnTo(change: Partial<Settings>): Promise<Settings> {
    const from = settings.read()
    const moves = settingChanges(deps, from, { ...from, ...change })
    const begins = moves.filter(({ action }) => action !== 'end')
    try {
      if (injector !== undefined && begins.length > 0) {
        await putRight()
        inDoubt = true
        for (const note of begins) await injector.note(note)
        inDoubt = false
      }
    } catch (cause) {
      putRightLater(cause)
      throw notTold('nothing was turned', cause)
    }
    const changed = settings.change(change)
    await deps.record(changed)
    if (injector !== undefined && begins.length < moves.length) inDoubt = true
    try {
      if (touchesFault(deps, change)) await putRight()
    } catch (cause) {
      putRightLater(cause)
      throw notTold('the settings are turned, and the log will be put right when it answers', cause)
    }
    return changed
  }

  return {
    turn: change => serially(() => turnTo(change)),
    reset: () => serially(() => turnTo(atRest)),
    start: () => void serially(putRight).catch(putRightLater),
    async close() {
      closed = true
      clearTimeout(retry)
      await serially(async () => {
        const isClean = settingChanges(deps, settings.read(), atRest).length === 0
        if (injector === undefined || (isClean && !inDoubt)) return
        settings.change(atRest)
        inDoubt = true
        await putRight()
      }).catch(deps.onError)
    },
  }
}

function notTold(consequence: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `the log of faults can not be written (${reason}): ${consequence}`
  return Object.assign(new Error(message, { cause }), { statusCode: 502 })
}
