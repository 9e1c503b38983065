/** What is expected of a fault with all patterns on: by the thing, or by the thing and its fault. */
export const expectations: Readonly<Record<string, string>> = {
  payments:
    'Payments that were under way stay open. Their callers ask again with the same key, and each card is charged once.',
  'payments kill':
    'Callers that waited get no answer and ask again with the same key. The process is ready again in about a second, and each card is charged once.',
  'payments freeze':
    'Nothing is lost. Listings gives up within its own deadline, its breaker opens, and a publication is pending until payments wakes.',
  'payments stop':
    'Listings answers that a publication is pending. The job finishes it when payments runs again.',
  'payments restart': 'No request fails: what had begun is finished before the process ends.',
  listings:
    'Payments goes on. A publication that was under way is finished by the job, and its event waits in the outbox.',
  notifications: 'Nobody else notices. The mails are sent later, each once.',
  kafka:
    'All requests are answered. Events wait in the outboxes, and the timeline shows their age. After the end, they are published in order.',
  postgres:
    'Requests are refused with 503 within a second. Nothing is charged without a committed row.',
  redis:
    'The search asks PostgreSQL instead, and each process counts the limits of the tenants alone.',
  'redis flush': 'The next searches are a little slower. Nothing else happens.',
  'card-provider':
    'Payments are answered with 202 and stay pending. The breaker opens. Afterwards the job asks the provider what became of them.',
  'card-provider change a setting':
    'With silence=after, charges are made and not answered: payments stay pending, and the job finds the charge. Nobody is charged twice.',
  mailbox: 'Mails wait and are sent later, each once.',
  'trace-sink': 'Spans are dropped. Nothing else happens.',
  'client-payments': 'Clients of payments get no answer, and ask again with the same key.',
  'client-listings': 'Clients of listings get no answer, and ask again with the same key.',
  'client-notifications': 'Candidates cannot save alerts meanwhile.',
  'listings-payments':
    'Publications are pending or refused quickly. The job finishes them afterwards.',
  'payments-provider':
    'As when the provider is silent: payments stay pending, the breaker opens, and the job asks afterwards.',
  'payments-postgres': 'Payments refuses with 503 within a second. Listings answers as before.',
  'listings-postgres': 'Listings refuses with 503 within a second. Payments goes on.',
  'notifications-postgres': 'Events wait in Kafka, and mails are sent later.',
  'payments-kafka':
    'Payments are taken as before. Their events wait in the outbox, so listings go live later.',
  'listings-kafka': 'Listings are paid and go live later. No event is lost.',
  'notifications-kafka': 'Mails are sent later, each once.',
  'listings-redis': 'The search asks PostgreSQL instead.',
  'notifications-mail': 'Mails wait and are sent later, each once.',
}
