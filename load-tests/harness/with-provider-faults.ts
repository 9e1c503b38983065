import type { Lab } from '../runner/experiment.ts'
import { setProviderFaults } from './test-client.ts'

type FaultyWhile = Readonly<{
  /** The setting that the log of faults names. */
  setting: string
  settings: object
  /** The same at rest. */
  rest: object
}>

/** Turns settings of the card provider, and back when the work is done; the log of faults has both. */
export async function whileProviderIsFaulty(
  { system, noteFault }: Pick<Lab, 'system' | 'noteFault'>,
  { setting, settings, rest }: FaultyWhile,
  work: () => Promise<void>,
): Promise<void> {
  const name = `card-provider/${setting}`
  noteFault('setting', 'begin', name, settings)
  await setProviderFaults(system, settings)
  await work()
  await setProviderFaults(system, rest)
  noteFault('setting', 'end', name)
}

/** While every answer of the provider takes so long. */
export function whileSlow(
  lab: Pick<Lab, 'system' | 'noteFault'>,
  latencyMs: number,
  work: () => Promise<void>,
): Promise<void> {
  const [settings, rest] = [{ latencyMs }, { latencyMs: 0 }]
  return whileProviderIsFaulty(lab, { setting: 'latencyMs', settings, rest }, work)
}

/** While a share of the provider's answers is lost, after it has acted or before. */
export function whileSilent(
  lab: Pick<Lab, 'system' | 'noteFault' | 'dice'>,
  silence: 'after' | 'before',
  silenceRate: number,
  work: () => Promise<void>,
): Promise<void> {
  const settings = { silence, silenceRate, seed: Math.floor(lab.dice() * 1_000_000) }
  return whileProviderIsFaulty(
    lab,
    { setting: 'silence', settings, rest: { silence: 'none' } },
    work,
  )
}
