import { createHmac } from 'node:crypto'

/**
 * The value of the `Stripe-Signature` header: when it was signed, and an HMAC over that and the
 * body, so that neither can be changed and an old webhook can be told from a new one.
 */
export function signWebhook(body: string, secret: string, unixSeconds: number): string {
  const digest = createHmac('sha256', secret).update(`${unixSeconds}.${body}`).digest('hex')
  return `t=${unixSeconds},v1=${digest}`
}
