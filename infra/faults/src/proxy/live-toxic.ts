import { createRandomSource, type RandomSource } from '../../../simulators/random-source.ts'
import type { OpenStage } from './open-stage.ts'
import type { Outlet, Stage } from './stage.ts'
import type { Toxic, ToxicType } from './toxic.ts'
import { openBandwidth } from './toxics/bandwidth.ts'
import { openLatency } from './toxics/latency.ts'
import { openLimitData } from './toxics/limit-data.ts'
import { openResetPeer } from './toxics/reset-peer.ts'
import { openSlicer } from './toxics/slicer.ts'
import { openSlowClose } from './toxics/slow-close.ts'
import { openTimeout } from './toxics/timeout.ts'

/** A toxic on a proxy, with the chance that it meets connections by. */
export type LiveToxic = Readonly<{
  read: () => Toxic
  /** The connections that it works on have to be told as well. */
  change: (next: Toxic) => void
  /** Throws the dice for one more connection: below its toxicity the toxic takes it. */
  roll: RandomSource
  openStage: (outlet: Outlet) => Stage
}>

type OpenAnyStage = (outlet: Outlet, read: () => Toxic['attributes'], dice: RandomSource) => Stage

const stageOpeners: { [Type in ToxicType]: OpenStage<Type> } = {
  latency: openLatency,
  bandwidth: openBandwidth,
  slow_close: openSlowClose,
  timeout: openTimeout,
  reset_peer: openResetPeer,
  slicer: openSlicer,
  limit_data: openLimitData,
}

/**
 * The n-th connection that a toxic meets has the same luck in every run with the same seed,
 * whatever other proxies and other toxics do meanwhile: each toxic has dice of its own.
 */
export function openToxic(first: Toxic, proxy: string, seed: number): LiveToxic {
  let toxic = first
  const name = `${proxy}/${first.name}`
  const jitter = createRandomSource(seedFor(seed, `${name}/jitter`))
  // A toxic keeps its type, so what this opener reads are attributes of its own kind.
  const openStage = stageOpeners[first.type] as OpenAnyStage
  return {
    read: () => toxic,
    change(next) {
      toxic = next
    },
    roll: createRandomSource(seedFor(seed, name)),
    openStage: outlet => openStage(outlet, () => toxic.attributes, jitter),
  }
}

/** FNV-1a over the name, begun at the seed. */
function seedFor(seed: number, name: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
