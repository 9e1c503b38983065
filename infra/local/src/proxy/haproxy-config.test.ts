import { expect, test } from 'vitest'
import { haproxyConfig } from './haproxy-config.ts'

const host = '127.0.0.1'
const services = (['payments', 'listings', 'notifications'] as const).map((name, at) => ({
  name,
  port: 4201 + at,
  instances: [
    { name, host, port: 4211 + at, operationsPort: 4101 + at },
    { name: `${name}-2`, host, port: 4221 + at, operationsPort: 4121 + at },
  ],
}))
const config = haproxyConfig({ host, operationsPort: 4104, services })
/** What HAProxy reads: the lines without their comments. */
const lines = config
  .split('\n')
  .map(line => line.trim())
  .filter(line => line !== '' && !line.startsWith('#'))

test('nothing is tried again but a connection that failed', () => {
  expect(lines).toContain('retry-on conn-failure')
  expect(lines.filter(line => /retry|retries|redispatch/.test(line))).toHaveLength(3)
})

test('each service has its own two instances, asked at their own operations ports', () => {
  expect(lines).toContain('bind 127.0.0.1:4201 backlog 128')
  expect(lines.filter(line => line.startsWith('server '))).toEqual([
    'server payments 127.0.0.1:4211 port 4101',
    'server payments-2 127.0.0.1:4221 port 4121',
    'server listings 127.0.0.1:4212 port 4102',
    'server listings-2 127.0.0.1:4222 port 4122',
    'server notifications 127.0.0.1:4213 port 4103',
    'server notifications-2 127.0.0.1:4223 port 4123',
  ])
})

test('an instance that has just begun gets few requests at first', () => {
  expect(lines.find(line => line.startsWith('default-server'))).toContain('slowstart 2000ms')
})

test('every wait has a limit, and every service its own', () => {
  const waits = lines.filter(line => line.startsWith('timeout ')).map(line => line.split(' ')[1])
  const once = ['connect', 'http-request', 'client', 'http-keep-alive', 'check', 'queue']
  expect(waits).toEqual([...once, 'server', 'server', 'server'])
})

test('where hosts are names, they are looked up again while it runs', () => {
  const named = haproxyConfig({ host: '', operationsPort: 1, services, nameServer: 'engine:53' })
  expect(named).toContain(' resolvers engine init-addr last,libc,none')
  expect(named).toContain('nameserver engine engine:53')
  expect(config).not.toContain('resolvers')
})
