import { createRandomSource } from '../../../simulators/random-source.ts'
import type { Outlet, Stage } from './stage.ts'
import type { Toxic } from './toxic.ts'
import { stageOpeners } from './toxic-stages.ts'

/** A toxic on a proxy, with its random sources. */
export type LiveToxic = Readonly<{
  read: () => Toxic
  /** The caller also has to change the links that the toxic works on. */
  change: (next: Toxic) => void
  /** The random number of one more connection: below its toxicity the toxic takes it. */
  draw: () => number
  openStage: (outlet: Outlet) => Stage
}>

type OpenAnyStage = (outlet: Outlet, read: () => Toxic['attributes'], random: () => number) => Stage

/**
 * The n-th connection of a toxic draws the same number in every run with the same seed, whatever
 * other proxies and other toxics do meanwhile: each toxic has its own random sources.
 */
export function openToxic(first: Toxic, proxy: string, seed: number): LiveToxic {
  let toxic = first
  const name = `${proxy}/${first.name}`
  const random = createRandomSource(seedFor(seed, `${name}/jitter`))
  // A toxic keeps its type, so what this opener reads are attributes of its own type.
  const openStage = stageOpeners[first.type] as OpenAnyStage
  return {
    read: () => toxic,
    change(next) {
      toxic = next
    },
    draw: createRandomSource(seedFor(seed, name)),
    openStage: outlet => openStage(outlet, () => toxic.attributes, random),
  }
}

/** FNV-1a over the name, begun at the seed. */
function seedFor(seed: number, name: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
