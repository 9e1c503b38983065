import { listingsCrashPoints } from '@nightshift/listings/crash-points'
import { notificationsCrashPoints } from '@nightshift/notifications/crash-points'
import { outboxCrashPoints } from '@nightshift/patterns/outbox/crash-points'
import { paymentsCrashPoints } from '@nightshift/payments/crash-points'
import { consumerCrashPoints } from '@nightshift/runtime/kafka/consumer'

/** Every crash point of the system, in the order of the story: label and what is true there. */
export const crashPoints = {
  ...listingsCrashPoints,
  ...paymentsCrashPoints,
  ...outboxCrashPoints,
  ...consumerCrashPoints,
  ...notificationsCrashPoints,
} as const

export type CrashLabel = keyof typeof crashPoints
