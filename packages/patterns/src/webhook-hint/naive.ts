import type { TakeHint } from './types.ts'

/**
 * The endpoint as its documentation shows it: the event says "succeeded", so it has. It works for as
 * long as each comes once, in its order, and after our own answer.
 */
export const applyWebhookDirectly: TakeHint = async ({ believe }) => {
  await believe()
  return 'taken'
}
