/** The front page: what this process is, for somebody who found its port. */
export const about = `card-provider: a stand-in for a card provider, shaped like Stripe. No real money.

POST  /v1/payment_intents                          charge a test card (form-encoded, confirm=true)
GET   /v1/payment_intents/:id                      one charge
GET   /v1/payment_intents?metadata[payment_id]=... the charges of one payment, newest first
GET   /truth?publication_id=...&after=seq&limit=n  what really happened, in order, read only
GET   /dials                                       the fault dials
PATCH /dials                                       turn them (JSON)
POST  /dials/reset                                 all of them at rest
GET   /health                                      200 while charges can be written down

Test cards (payment_method):
  pm_card_visa                             succeeds
  pm_card_chargeDeclined                   is declined
  pm_card_chargeDeclinedInsufficientFunds  is declined
  pm_card_slow                             succeeds after 1.5 s
  pm_card_silentAfter                      charges, and the first answer under a key never comes
  pm_card_silentBefore                     the first request under a key is lost, the second charges
  pm_card_errorAfter                       charges, and the first answer under a key is a 500
  pm_card_late                             the first request under a key charges 5 s later, unanswered

Beyond the quota (dial quotaPerSecond) a charge is a 429. With CALLBACK_URL and CALLBACK_SECRET every
charge is told by a signed callback. The README has all dials and all lines of the truth log.
`
