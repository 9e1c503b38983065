import { defaultPortBase, portPlan, replicaPorts } from '../ports/ports.ts'
import { serviceNames } from '../system/secrets.ts'
import { haproxyConfig } from './haproxy-config.ts'

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
    const instances = [name, `${name}-2`].map(host => ({ name: host, host, port, operationsPort }))
    return { name, port, instances }
  })
  return haproxyConfig({ host: '', operationsPort: proxyOperations, services, nameServer })
}
