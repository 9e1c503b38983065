import type { WaitPath } from './timeouts.ts'

/** The waits of HAProxy before two instances of a service. */
export const proxyPath: WaitPath = {
  title: 'client → HAProxy → instance',
  introduction:
    'Only with [two instances](two-instances.md) of each service. The proxy waits a little longer than the service behind it, and tries again only what was never sent.',
  waits: [
    { limit: 'proxy.headMs', what: 'receiving the head of a request', afterwards: '408' },
    {
      limit: 'proxy.connectMs',
      what: 'connecting to an instance',
      afterwards: 'the other instance; when both fail, 503 `overloaded`: nothing was sent',
    },
    {
      limit: 'proxy.queueMs',
      what: 'waiting in the queue of the proxy; its limit of connections keeps it empty',
      afterwards: '503 `overloaded`',
    },
    ...(['listings', 'payments', 'notifications'] as const).map(name => ({
      limit: `proxy.answerMs.${name}` as const,
      what: `the answer of ${name}`,
      afterwards: '504 `unavailable`: the outcome is unknown',
    })),
    {
      limit: 'proxy.checkEveryMs',
      what: 'between two readiness checks of an instance',
      afterwards: 'after an unexpected answer, the next one follows in 100 ms',
    },
    {
      limit: 'proxy.drainMs',
      what: 'an instance that stops says "not ready" and still serves',
      afterwards: 'HAProxy sends it nothing more by then, and the instance takes no new connection',
    },
    { limit: 'proxy.idleMs', what: 'an idle connection of a client', afterwards: 'it is closed' },
  ],
}
