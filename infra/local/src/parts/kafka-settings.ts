/** One more port of the broker, at which it advertises the address of a proxy. */
export type KafkaListener = Readonly<{ port: number; advertisedPort: number }>

/** The addresses and the log directory, which differ between a process and a container. */
export type KafkaPlace = {
  listenHost: string
  port: number
  controllerPort: number
  /** For clients that come through a proxy. */
  listeners: readonly KafkaListener[]
  logDir: string
}

/**
 * One broker that is its own controller, tuned for a quick recovery: with the defaults a broker that
 * was killed is not admitted for 12 s, because its old lease must run out first.
 */
export function kafkaSettings(place: KafkaPlace): Readonly<Record<string, string>> {
  const { listenHost, port, controllerPort, logDir } = place
  const listeners = [
    { name: 'PLAINTEXT', port, advertisedPort: port },
    ...place.listeners.map(listener => ({ name: `LISTENER${listener.port}`, ...listener })),
  ]
  const listen = listeners.map(each => `${each.name}://${listenHost}:${each.port}`)
  const advertised = listeners.map(each => `${each.name}://127.0.0.1:${each.advertisedPort}`)
  const protocols = listeners.map(each => `${each.name}:PLAINTEXT`)
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': [...protocols, 'CONTROLLER:PLAINTEXT'].join(','),
    listeners: [...listen, `CONTROLLER://127.0.0.1:${controllerPort}`].join(','),
    'advertised.listeners': advertised.join(','),
    'log.dirs': logDir,
    ...fastFailover,
    ...oneBroker,
    ...smallFootprint,
  }
}

const fastFailover = {
  'broker.session.timeout.ms': '1000',
  'broker.heartbeat.interval.ms': '250',
  'controller.quorum.election.timeout.ms': '250',
  'controller.quorum.fetch.timeout.ms': '500',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
}

const oneBroker = {
  'auto.create.topics.enable': 'false',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
}

const smallFootprint = {
  'log.segment.bytes': String(16 * 1024 * 1024),
  // The cleaner takes its whole buffer at once; the default is 128 MiB.
  'log.cleaner.dedupe.buffer.size': String(4 * 1024 * 1024),
  'num.network.threads': '2',
  'num.io.threads': '4',
}
