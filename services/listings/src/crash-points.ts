import { reachCrashPoint } from '@nightshift/runtime/process/crashpoint'

/**
 * The places at which an experiment can end this process. Each sentence says what is true there.
 */
export const listingsCrashPoints = {
  'publication.claimed': 'The key and the publication are committed. Payments has not been asked.',
  'pay.begin': 'Payments is about to be asked; no transaction is open.',
  'pay.answered': 'Payments has answered or stayed silent, and only this process knows.',
} as const

export const crashpoint = (label: keyof typeof listingsCrashPoints) => reachCrashPoint(label)
