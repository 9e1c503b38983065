import { computed } from '@preact/signals'
import { place } from './store.ts'

/** The moment that is chosen on the timeline, in milliseconds since 1970. It is in the address. */
export const moment = computed(() => {
  const [screen, at] = place.value
  return screen === 'timeline' && at !== undefined ? Number(at) : undefined
})

export function addressOf(at: number): string {
  return `#/timeline/${at}`
}
