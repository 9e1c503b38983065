import type { Injector } from './injector.ts'
import type { FaultTargets } from './parse-fault.ts'
import { simulatorNames, type TargetName } from './target.ts'

/** Everything of a running system that can have a fault at this moment. */
export async function targetsOf({
  injector,
  processes,
}: Readonly<{ injector: Injector; processes: readonly TargetName[] }>): Promise<FaultTargets> {
  const links = (await injector.listLinks()).map(({ name }) => name).toSorted()
  const entries = await Promise.all(
    simulatorNames.map(async name => {
      // A simulator that is stopped or frozen shows no settings; the rest can still be broken.
      const settings = await injector.readSettings(name).catch(() => undefined)
      return [name, settings] as const
    }),
  )
  const settings = Object.fromEntries(entries.filter(([, settings]) => settings !== undefined))
  return { processes, links, settings }
}
