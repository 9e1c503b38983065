import { defaultPortBase, portPlan, replicaPorts } from '../ports/ports.ts'
import { instancesOf } from '../system/instances.ts'
import { serviceNames } from '../system/secrets.ts'
import { proxyLimits } from './limits.ts'

/** Where a service is reached, and the instances behind that. */
export type ProxiedService = Readonly<{
  name: keyof typeof proxyLimits.answerMs
  /** The port of the clients. */
  port: number
  instances: readonly Readonly<{
    name: string
    host: string
    port: number
    /** Its readiness is asked here. */
    operationsPort: number
  }>[]
}>

export type HaproxyOptions = Readonly<{
  /** The address to listen at; empty means all. */
  host: string
  /** Its own pages: health, states of the instances, metrics. */
  operationsPort: number
  services: readonly ProxiedService[]
  /** Set where hosts are names that a container engine knows. Unset: they are addresses. */
  nameServer?: string
}>

const { answerMs: answersMs, ...limits } = proxyLimits

/** The whole configuration of HAProxy, with the reason beside each line that is not obvious. */
export function haproxyConfig(options: HaproxyOptions): string {
  const { services } = options
  const sections = [
    head,
    global(services.length),
    defaults(),
    ...services.map(service => listen(options, service)),
    operations(options),
    ...(options.nameServer === undefined ? [] : [resolvers(options.nameServer)]),
  ]
  return `${sections.join('\n\n')}\n`
}

const head = `# HAProxy before two instances of each service.
# infra/local/src/proxy/haproxy-config.ts writes this file. Change it there.`

function global(services: number): string {
  return `global
    # One thread is enough for what one machine can serve, and leaves the cores to the services.
    nbthread 1
    # Room for all services, for the checks and for its own pages.
    maxconn ${(services + 1) * limits.connectionsMax}`
}

function defaults(): string {
  return `defaults
    mode http
    # Nothing is logged per request: the services have a line for each. Changes of the states of
    # instances go to standard error anyway.

    # Notifications limits clients by their address. What a client wrote there itself comes before it.
    option forwardfor

    # In turn. With leastconn, an instance that refuses everything at once would get most requests.
    balance roundrobin

    # The outer wait is longer than the inner one. Each service has its own \`timeout server\` below.
    timeout connect ${limits.connectMs}ms
    timeout http-request ${limits.headMs}ms
    timeout client ${limits.stalledMs}ms
    # Longer than the 72 s that the services announce to clients, or a client would write to a closed connection.
    timeout http-keep-alive ${limits.idleMs}ms
    timeout check ${limits.checkAnswerMs}ms
    # Nothing queues here: a service knows better than a proxy what to refuse. This is the bound if it did.
    timeout queue ${limits.queueMs}ms

    # Only a failed connection is tried again, and then at the next instance. A request of which one
    # byte was sent may have had its effect. The proxy never sends it twice.
    retries ${limits.connectRetries}
    retry-on conn-failure
    option redispatch 1

    # An instance says itself whether it takes requests: 503 from the moment on at which it stops.
    option httpchk
    http-check send meth GET uri /health/ready ver HTTP/1.1 hdr Host haproxy
    http-check expect status 200
    # An instance that is "down" still gets to finish its answers: sessions are not shut down. One
    # that comes up is slow at first, so it gets few requests and then more (slowstart).
    default-server check inter ${limits.checkEveryMs}ms fastinter ${limits.checkAgainMs}ms fall ${limits.checksToFall} rise ${limits.checksToRise} slowstart ${limits.warmUpMs}ms pool-max-conn ${limits.idleConnectionsMax}

    # Its answers have the form of all others (RFC 9457). 503: no instance was reached, so nothing was
    # begun. 502 and 504: an instance has the request, and the outcome is unknown. A request that is
    # no HTTP, or never comes to an end, gets the plain 400 or 408 of HAProxy itself.
    ${problem({ status: 502, ...unavailable })}
    ${problem({ status: 503, ...overloaded, retryAfterSeconds: 1 })}
    ${problem({ status: 504, ...unavailable })}`
}

const overloaded = {
  slug: 'overloaded',
  title: 'No instance of this service can be reached',
  detail: 'Nothing was begun. Send the same request again after Retry-After.',
}

/** The words of the services for an outcome that is open. */
const unavailable = {
  slug: 'unavailable',
  title: 'A part of the system is away',
  detail: 'It may have been done or not. Send the same request again, with the same key.',
}

type ProxyProblem = {
  status: number
  slug: string
  title: string
  detail?: string
  retryAfterSeconds?: number
}

/** No service has seen the request, so its id is made here. */
function problem({ status, slug, title, detail, retryAfterSeconds }: ProxyProblem): string {
  const body = JSON.stringify({
    type: `/problems/${slug}`,
    title,
    status,
    ...(detail !== undefined && { detail }),
    instance: '%[uuid()]',
  })
  const header = retryAfterSeconds === undefined ? '' : ` hdr Retry-After ${retryAfterSeconds}`
  return `http-error status ${status} content-type "application/problem+json; charset=utf-8" lf-string '${body}'${header}`
}

function listen({ host, nameServer }: HaproxyOptions, service: ProxiedService): string {
  const { name, port, instances } = service
  const names = nameServer === undefined ? '' : ' resolvers engine init-addr last,libc,none'
  const servers = instances.map(
    instance =>
      `    server ${instance.name} ${instance.host}:${instance.port} port ${instance.operationsPort}${names}`,
  )
  return [
    `listen ${name}`,
    `    bind ${host}:${port} backlog ${limits.backlogMax}`,
    `    # Fewer than one instance takes, so that one is enough for all of them.`,
    `    maxconn ${limits.connectionsMax}`,
    `    # The budget of ${name}, and a little.`,
    `    timeout server ${answersMs[name]}ms`,
    ...servers,
  ].join('\n')
}

function operations({ host, operationsPort }: HaproxyOptions): string {
  return `frontend operations
    bind ${host}:${operationsPort}
    monitor-uri /health
    http-request use-service prometheus-exporter if { path /metrics }
    stats enable
    stats uri /stats
    stats refresh 2s`
}

function resolvers(nameServer: string): string {
  return `resolvers engine
    # The container engine's own: a container that was replaced has another address.
    nameserver engine ${nameServer}
    hold valid 1s`
}

/** Docker's own DNS, at the same address in every container. */
const nameServer = '127.0.0.11:53'

/**
 * The configuration of HAProxy for `docker-compose.replicas.yml`. Each container has addresses of its
 * own there, so both instances of a service listen at the same ports.
 */
export function composeProxyConfig(): string {
  const plan = portPlan(defaultPortBase)
  const { proxyOperations } = replicaPorts(defaultPortBase)
  const services = serviceNames.map(name => {
    const port = plan[`${name}Private`]
    const operationsPort = plan[`${name}Operations`]
    const instances = instancesOf(name).map(host => ({ name: host, host, port, operationsPort }))
    return { name, port, instances }
  })
  return haproxyConfig({ host: '', operationsPort: proxyOperations, services, nameServer })
}
