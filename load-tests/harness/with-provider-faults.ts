import type { Lab } from '../runner/experiment.ts'
import { dialProvider } from './test-client.ts'

type Dialled = Readonly<{
  /** The dial that the log of faults names. */
  dial: string
  dials: object
  /** The same at rest. */
  rest: object
}>

/** Turns dials of the card provider, and back when the work is done; the log of faults has both. */
export async function whileDialled(
  { system, noteFault }: Pick<Lab, 'system' | 'noteFault'>,
  { dial, dials, rest }: Dialled,
  work: () => Promise<void>,
): Promise<void> {
  const name = `card-provider/${dial}`
  noteFault('dial', 'begin', name, dials)
  await dialProvider(system, dials)
  await work()
  await dialProvider(system, rest)
  noteFault('dial', 'end', name)
}

/** While every answer of the provider takes so long. */
export function whileSlow(
  lab: Pick<Lab, 'system' | 'noteFault'>,
  latencyMs: number,
  work: () => Promise<void>,
): Promise<void> {
  const [dials, rest] = [{ latencyMs }, { latencyMs: 0 }]
  return whileDialled(lab, { dial: 'latencyMs', dials, rest }, work)
}

/** While a share of the provider's answers is lost, after it has acted or before. */
export function whileSilent(
  lab: Pick<Lab, 'system' | 'noteFault' | 'dice'>,
  silence: 'after' | 'before',
  silenceRate: number,
  work: () => Promise<void>,
): Promise<void> {
  const dials = { silence, silenceRate, seed: Math.floor(lab.dice() * 1_000_000) }
  return whileDialled(lab, { dial: 'silence', dials, rest: { silence: 'none' } }, work)
}
