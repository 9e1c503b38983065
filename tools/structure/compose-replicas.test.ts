import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultPortBase, portPlan, replicaPorts } from '@nightshift/local/ports/ports'
import { composeProxyConfig } from '@nightshift/local/proxy/haproxy-config'
import { proxyLimits } from '@nightshift/local/proxy/limits'
import { replicaNames } from '@nightshift/local/system/replicas'
import { serviceNames } from '@nightshift/local/system/secrets'
import { describe, expect, test } from 'vitest'
import { readComposeFile } from './compose-file.ts'

/**
 * The second Compose file is laid over the first. Our tests start no Docker, so what it changes is
 * compared with what `npm start -- --replicas 2` changes.
 */

const repository = join(import.meta.dirname, '../..')
const base = readComposeFile('docker-compose.yml')
const over = readComposeFile('docker-compose.replicas.yml')
const plan = portPlan(defaultPortBase)
const ports = replicaPorts(defaultPortBase)

test('the second file adds HAProxy and the second instances, and changes no other container', () => {
  const changed = ['faults', ...serviceNames]
  expect(Object.keys(over).toSorted()).toEqual([...replicaNames, ...changed].toSorted())
})

test('every link to a service leads to HAProxy, and all other links stay as they are', () => {
  const linksOf = (container: (typeof base)[string] | undefined) =>
    JSON.parse(container?.environment?.['LINKS'] ?? '[]') as { upstream: string }[]
  const expected = linksOf(base['faults']).map(link => ({
    ...link,
    upstream: link.upstream.replace(/^(payments|listings|notifications):/, 'haproxy:'),
  }))
  expect(linksOf(over['faults'])).toEqual(expected)
  expect(Object.keys(over['faults'] ?? {})).toEqual(['environment'])
})

describe.each(serviceNames)('%s', name => {
  // Only notifications asks for the address of a client, which HAProxy adds.
  const behindProxy = {
    DRAIN_MS: String(proxyLimits.drainMs),
    ...(name === 'notifications' ? { BEHIND_PROXY: 'yes' } : {}),
  }

  test('still serves while HAProxy finds out that it stops', () => {
    expect(over[name]).toEqual({ environment: behindProxy })
  })

  test('has a second instance that differs in its published port only', () => {
    const variable = `NIGHTSHIFT_${name.toUpperCase()}_SECOND_OPERATIONS_PORT`
    const outside = ports[`${name}SecondOperations`]
    expect(over[`${name}-2`]).toEqual({
      extends: { file: 'docker-compose.yml', service: name },
      environment: behindProxy,
      ports: [`127.0.0.1:\${${variable}:-${outside}}:${plan[`${name}Operations`]}`],
    })
  })
})

test('HAProxy has the generated configuration, and publishes only its own pages', () => {
  const file = 'infra/local/haproxy/compose.cfg'
  const { volumes, ports: published } = over['haproxy'] ?? {}
  expect(volumes).toEqual([`./${file}:/usr/local/etc/haproxy/haproxy.cfg:ro`])
  expect(readFileSync(join(repository, file), 'utf8')).toBe(composeProxyConfig())
  const outside = ports.proxyOperations
  expect(published).toEqual([
    `127.0.0.1:\${NIGHTSHIFT_PROXY_OPERATIONS_PORT:-${outside}}:${outside}`,
  ])
})
