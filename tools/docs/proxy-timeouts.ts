import { limits as listings } from '@nightshift/listings/limits'
import { proxyLimits } from '@nightshift/local/proxy/limits'
import { limits as notifications } from '@nightshift/notifications/limits'
import { limits as payments } from '@nightshift/payments/limits'
import type { Relation, WaitPath } from './timeouts.ts'

const services = { payments, listings, notifications }
const names = ['payments', 'listings', 'notifications'] as const

/** The waits of HAProxy before two instances of a service. */
export function proxyPath(): WaitPath {
  return {
    title: 'client → HAProxy → instance',
    introduction:
      'Only with [two instances](two-instances.md) of each service. The proxy waits a little longer than the service behind it, and tries again only what was never sent.',
    waits: [
      {
        limit: 'proxy `headMs`',
        ms: proxyLimits.headMs,
        what: 'receiving the head of a request',
        afterwards: '408',
      },
      {
        limit: 'proxy `connectMs`',
        ms: proxyLimits.connectMs,
        what: 'connecting to an instance',
        afterwards: 'the other instance; when both fail, 503 `overloaded`: nothing was sent',
      },
      {
        limit: 'proxy `queueMs`',
        ms: proxyLimits.queueMs,
        what: 'waiting in the proxy, which no request does',
        afterwards: '503 `overloaded`',
      },
      ...(['listings', 'payments', 'notifications'] as const).map(name => ({
        limit: `proxy \`answerMs.${name}\``,
        ms: proxyLimits.answerMs[name],
        what: `the answer of ${name}`,
        afterwards: '504 `unavailable`: the outcome is unknown',
      })),
      {
        limit: 'proxy `checkEveryMs`',
        ms: proxyLimits.checkEveryMs,
        what: 'between two questions whether an instance is ready',
        afterwards: 'after an unexpected answer, the next one follows in 100 ms',
      },
      {
        limit: 'proxy `idleMs`',
        ms: proxyLimits.idleMs,
        what: 'an idle connection of a client',
        afterwards: 'it is closed',
      },
    ],
  }
}

/** How they fit the waits of the services, and of the clients on the other side. */
export function proxyRelations(): readonly Relation[] {
  return [
    ...names.map(name => ({
      longer: `proxy \`answerMs.${name}\``,
      longerMs: proxyLimits.answerMs[name],
      shorter: `${name} \`http.requestBudgetMs\``,
      shorterMs: services[name].http.requestBudgetMs,
      because: 'HAProxy hears the answer of the service, which knows more than a timeout.',
    })),
    {
      longer: 'listings `payments.attemptMs`',
      longerMs: listings.payments.attemptMs,
      shorter: 'proxy `answerMs.payments`',
      shorterMs: proxyLimits.answerMs.payments,
      because: 'Listings hears the answer of HAProxy before it gives up itself.',
    },
    {
      longer: 'proxy `idleMs`',
      longerMs: proxyLimits.idleMs,
      shorter: 'listings `http.keepAliveMs`',
      shorterMs: listings.http.keepAliveMs,
      because:
        'A client reads the second time in our answers, and has a connection to HAProxy. It drops an idle one before HAProxy does.',
    },
    ...names.map(name => ({
      longer: `${name} \`drainMaxMs\``,
      longerMs: services[name].drainMaxMs,
      shorter: 'proxy `drainMs`',
      shorterMs: proxyLimits.drainMs,
      because: 'The service accepts the setting by which it still serves while HAProxy finds out.',
    })),
  ]
}
