import { limits as listings, relations as ofListings } from '@nightshift/listings/limits'
import { defaultPortBase, portPlan } from '@nightshift/local/ports/ports'
import { proxyLimits } from '@nightshift/local/proxy/limits'
import { makeSecrets } from '@nightshift/local/system/secrets'
import { topology } from '@nightshift/local/system/topology'
import {
  limits as notifications,
  relations as ofNotifications,
} from '@nightshift/notifications/limits'
import {
  type CheckedRelation,
  checkRelations,
} from '@nightshift/patterns/timeout-hierarchy/timeout-hierarchy'
import type {
  AnyValues,
  LimitPath,
  Relation,
  Term,
} from '@nightshift/patterns/timeout-hierarchy/types'
import { relations as ofPayments, limits as payments } from '@nightshift/payments/limits'
import { sendDeadlineMs } from '@nightshift/runtime/kafka/producer'
import { limits as cardProvider } from '../../infra/simulators/card-provider/src/limits.ts'

/** What the supervisor waits between SIGTERM and SIGKILL. No process is started to find out. */
const stopGraceMs = topology({
  nodePath: '',
  repoRoot: '',
  dataDir: '',
  ports: portPlan(defaultPortBase),
  secrets: makeSecrets(),
  controlToken: '',
  postgresUrl: 'postgres://127.0.0.1',
  redisUrl: '',
  kafkaBrokers: '',
  nodeEnv: 'test',
  switches: {},
}).payments.stopGraceMs

/** Every number that is written in a file, by the process that it belongs to. */
export const writtenLimits = {
  listings,
  payments,
  notifications,
  'card-provider': cardProvider,
  runtime: { sendDeadlineMs },
  supervisor: { stopGraceMs },
  proxy: proxyLimits,
}

export type WrittenLimits = AnyValues<typeof writtenLimits>

/** The written limits, and those that follow from them. A path such as `payments.keyLeaseMs` leads to one. */
export function systemLimits(written: WrittenLimits) {
  return {
    ...written,
    'payments-client': {
      idleConnectionMs: idleConnectionMs(written.payments.http.keepAliveMs),
    },
    'card-provider-client': {
      idleConnectionMs: idleConnectionMs(written['card-provider'].keepAliveMs),
    },
  }
}

export type SystemPath = LimitPath<ReturnType<typeof systemLimits>>

/**
 * How long undici keeps an idle connection: two seconds less than the server announces, and four
 * seconds if it announces nothing (`keepAliveTimeout` and `keepAliveTimeoutThreshold`).
 */
function idleConnectionMs(announcedMs: number): number {
  return Math.max(4_000, announcedMs - 2_000)
}

/** Relations of one service, which refuses to start without them, or across services. */
export type RelationGroup = Readonly<{
  title: string
  relations: readonly CheckedRelation[]
}>

/** Every relation of the system, with these values. The names begin with the process. */
export function checkSystem(written: WrittenLimits): readonly RelationGroup[] {
  const limits = systemLimits(written)
  const group = (title: string, relations: readonly Relation[]) => ({
    title,
    relations: checkRelations(limits, relations),
  })
  return [
    group('across services', acrossServices),
    group('with two instances behind HAProxy', behindProxy),
    group('inside listings', relationsIn('listings', ofListings)),
    group('inside payments', relationsIn('payments', ofPayments)),
    group('inside notifications', relationsIn('notifications', ofNotifications)),
  ]
}

/** The relations of one service under the names that its limits have in the system. */
function relationsIn(service: string, relations: readonly Relation[]): Relation[] {
  const pathIn = (term: string | number) => (typeof term === 'number' ? term : `${service}.${term}`)
  const inService = (term: Term): Term => {
    if (typeof term !== 'object') return pathIn(term)
    const [times, sign, of] = term
    return [pathIn(times), sign, `${service}.${of}`]
  }
  return relations.map(relation => ({
    ...relation,
    larger: inService(relation.larger),
    smaller: relation.smaller.map(inService),
  }))
}

const services = ['payments', 'listings', 'notifications'] as const

/** No service can check these by itself: each knows only its own limits. */
const acrossServices: readonly Relation<SystemPath>[] = [
  {
    larger: 'listings.payments.attemptMs',
    smaller: ['payments.http.requestBudgetMs'],
    because:
      'Payments knows more than a timeout: its answer, also `202 pending`, reaches listings before listings gives up. The commit after a charge is not cut short, so with a slow database listings may give up first, and asks again under the same key.',
  },
  {
    larger: 'listings.resume.firstCheckMs',
    smaller: ['payments.reconcile.firstCheckMs'],
    because:
      'The service that is nearer to the card looks first, so listings mostly finds a final answer when it asks again.',
  },
  {
    larger: 'payments.http.keepAliveMs',
    smaller: ['payments-client.idleConnectionMs'],
    because:
      'The client drops an idle connection before the server does. Otherwise it would write a request to a connection that is just being closed, and would not know whether it was read.',
  },
  {
    larger: 'card-provider.keepAliveMs',
    smaller: ['card-provider-client.idleConnectionMs'],
    because: 'The same, between payments and the card provider.',
  },
  {
    larger: 'card-provider.webhookAttemptMs',
    smaller: ['payments.http.requestBudgetMs'],
    because:
      'The card provider hears our answer to a webhook. Otherwise it would repeat webhooks that were taken.',
  },
  {
    larger: 'payments.providerRules.keyMarginMs',
    smaller: ['card-provider.processingDelayMaxMs'],
    because:
      'When the card provider forgets a key, it has carried out every request under that key. So a payment that no search finds then was never charged.',
  },
  ...services.map(service => ({
    larger: 'supervisor.stopGraceMs' as const,
    smaller: [`${service}.stopDeadlineMs` as const],
    because:
      'A service that can not finish says why before it is killed: an exit within 10 s of SIGTERM is promise L6.',
  })),
]

/** HAProxy, if there are two instances of each service, waits a little longer than they do. */
const behindProxy: readonly Relation<SystemPath>[] = [
  ...services.map(service => ({
    larger: `proxy.answerMs.${service}` as const,
    smaller: [`${service}.http.requestBudgetMs` as const],
    because: 'HAProxy hears the answer of the service, which knows more than a timeout.',
  })),
  {
    larger: 'listings.payments.attemptMs',
    smaller: ['proxy.answerMs.payments'],
    because: 'Listings hears the answer of HAProxy before it gives up itself.',
  },
  {
    larger: 'proxy.idleMs',
    smaller: ['listings.http.keepAliveMs'],
    because:
      'A client reads the second time in our answers, and has a connection to HAProxy. It drops an idle one before HAProxy does.',
  },
  ...services.map(service => ({
    larger: `${service}.drainMaxMs` as const,
    smaller: ['proxy.drainMs' as const],
    because: 'The service accepts the setting by which it still serves while HAProxy finds out.',
  })),
  ...services.map(service => ({
    larger: `${service}.http.connectionsMax` as const,
    smaller: ['proxy.connectionsMax' as const],
    because: 'One instance takes all connections that HAProxy takes, so none waits inside of it.',
  })),
]
